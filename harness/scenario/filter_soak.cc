// SPDX-License-Identifier: Apache-2.0
// Random programs without end in sight: compiled, run in user space and in the kernel, compared with the
// interpreter of classic BPF. Exit status 1 at a difference, which is printed shrunken with its seed.
//
//   filter_soak [--programs N] [--kernel N] [--seed S] [--threads T]     1,000,000 and 20,000
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <string>
#include <thread>

#include "harness/filter/testing/soak.h"
#include "harness/scenario/filter_test_support.h"

namespace knetlab::filter_testing {
namespace {

bool Report(const char* where, const SoakOptions& options, const SoakResult& result, double seconds) {
  fmt::print("{}: {} programs, {} packets, {} matches, {} in {:.0f} s\n", where, result.programs,
             result.packets, result.matches, result.difference ? "a difference" : "0 differences", seconds);
  if (result.difference) {
    fmt::print("seed {}, program {}\n{}", options.seed, result.number, result.difference->Text());
  }
  std::fflush(stdout);
  return !result.difference;
}

bool RunSoak(const char* where, const SoakOptions& options, const SoakCheck& check) {
  const auto begin = std::chrono::steady_clock::now();
  const SoakResult result = Soak(options, check);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  return Report(where, options, result, took.count());
}

int Main(int argc, char** argv) {
  CLI::App app("Random filters, compiled and compared");
  SoakOptions options{.threads = std::thread::hardware_concurrency()};
  std::size_t programs = 1'000'000;
  std::size_t in_kernel = 20'000;
  app.add_option("--programs", programs, "in user space")->capture_default_str();
  app.add_option("--kernel", in_kernel, "through the verifier and test runs")->capture_default_str();
  app.add_option("--seed", options.seed)->capture_default_str();
  app.add_option("--threads", options.threads)->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  options.models = CorpusModels(KNETLAB_FILTERS);
  options.progress = [](std::size_t done) {
    if (done % 50'000 == 0) fmt::print(stderr, "{}\n", done);
  };

  options.programs = programs;
  bool right = programs == 0 || RunSoak("user space", options, CompileAndCompare);
  if (in_kernel > 0 && right) {
    std::mutex mutex;
    KernelCounts counts;
    options.programs = in_kernel;
    // Others than in user space.
    options.seed += 0x10000;
    right = RunSoak("kernel", options,
                    [&](const ClassicProgram& program, const std::vector<PacketBytes>& packets) {
                      KernelCounts own;
                      std::optional<Difference> difference = CompareInKernel(program, packets, &own);
                      const std::scoped_lock lock(mutex);
                      counts.programs += own.programs;
                      counts.verdicts += own.verdicts;
                      counts.untried += own.untried;
                      return difference;
                    });
    fmt::print("kernel: {} programs verified, {} verdicts, {} packets not tried\n", counts.programs,
               counts.verdicts, counts.untried);
  }
  return right ? 0 : 1;
}

}  // namespace
}  // namespace knetlab::filter_testing

int main(int argc, char** argv) {
  return knetlab::filter_testing::Main(argc, argv);
}
