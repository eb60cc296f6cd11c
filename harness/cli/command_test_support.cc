// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/command_test_support.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <tuple>
#include <utility>

namespace knetlab {
namespace {

constexpr std::chrono::seconds kPatience(20);

struct Pipe {
  UniqueFd read, write;
};

Pipe MakePipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

}  // namespace

RunningCommand::RunningCommand(std::vector<std::string> words, bool whole, int out_fd) {
  std::string command = KNETLAB_COMMAND;
  std::vector<char*> argv;
  if (!whole) argv.push_back(command.data());
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  Pipe out = MakePipe(), err = MakePipe();
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, out_fd >= 0 ? out_fd : out.write.get(), STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, err.write.get(), STDERR_FILENO);
  const int code = ::posix_spawnp(&pid_, argv[0], &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (code != 0) throw std::runtime_error("cannot run the command");
  out_ = std::move(out.read);
  err_ = std::move(err.read);
}

RunningCommand::~RunningCommand() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

bool RunningCommand::ReadSome(int timeout_ms) {
  std::array<pollfd, 2> ready = {{{.fd = out_.get(), .events = POLLIN, .revents = 0},
                                  {.fd = err_.get(), .events = POLLIN, .revents = 0}}};
  if (::poll(ready.data(), ready.size(), timeout_ms) <= 0) return false;
  std::array<char, 65536> buffer{};
  bool got = false;
  for (auto [end, text, events] : {std::tuple(&out_, &finished_.out, ready[0].revents),
                                   std::tuple(&err_, &finished_.err, ready[1].revents)}) {
    if (events == 0) continue;
    const ssize_t size = ::read(end->get(), buffer.data(), buffer.size());
    if (size > 0) {
      text->append(buffer.data(), static_cast<std::size_t>(size));
    } else {
      end->reset();  // poll() skips a descriptor of -1
    }
    got = true;
  }
  return got;
}

bool RunningCommand::AwaitOutput(const std::string& text) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (finished_.out.find(text) == std::string::npos) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (!out_ || left.count() <= 0 || !ReadSome(static_cast<int>(left.count()))) return false;
  }
  return true;
}

void RunningCommand::Signal(int number) const {
  ::kill(pid_, number);
}

Finished RunningCommand::Wait() {
  while (out_ || err_) ReadSome(-1);
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  if (WIFSIGNALED(status)) finished_.signal = WTERMSIG(status);
  if (WIFEXITED(status)) finished_.status = WEXITSTATUS(status);
  return finished_;
}

Finished RunKnetlab(std::vector<std::string> words) {
  return RunningCommand(std::move(words)).Wait();
}

TestFolder::TestFolder() {
  std::string name = std::filesystem::temp_directory_path() / "knetlab-cli-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
  path_ = name;
}

TestFolder::~TestFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TestFolder::Write(const std::string& name, const std::string& text) const {
  std::ofstream(path_ / name, std::ios::binary) << text;
  return path_ / name;
}

std::size_t TestFolder::Files() const {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path_), {}));
}

std::string ReadWhole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

}  // namespace knetlab
