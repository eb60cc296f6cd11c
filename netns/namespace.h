// SPDX-License-Identifier: Apache-2.0
// A network namespace, held by a descriptor. It is anonymous: when the last descriptor (and process, socket,
// link) that refers to it is gone, the kernel removes it and everything in it, also after SIGKILL.
//
//   auto ns = knetlab::Namespace::Create("server");
//   int fd = ns.Run([] { return ::socket(AF_INET, SOCK_DGRAM, 0); });   // runs inside, on the namespace's
//   own thread
//
// Threads: a caller's thread never enters another namespace. Run() hands the work to a worker thread that
// lives in the namespace, waits for it and gives back its result or throws its exception. Run() may be called
// from any thread; calls to one namespace are carried out one after another. Run() from inside Run() of the
// same namespace runs in place.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "netns/fd.h"

namespace knetlab {

class Namespace {
 public:
  // A new, empty namespace. `label` is for messages only. Throws Error (EPERM: needs CAP_SYS_ADMIN).
  static Namespace Create(std::string label);
  // Many at once, on two threads where there are many. A thread that has made a namespace lives in it until
  // it makes the next, so what is to be done in it first is cheapest done there: `inside` (may be empty) is
  // called in each with its position and its descriptor, on any of the threads.
  static std::vector<Namespace> CreateMany(const std::vector<std::string>& labels,
                                           const std::function<void(std::size_t, int)>& inside);
  // An existing one: a name below /run/netns, or a path such as /proc/PID/ns/net. Throws Error.
  static Namespace Open(const std::string& name_or_path);

  Namespace(Namespace&&) noexcept;
  Namespace& operator=(Namespace&&) noexcept;
  ~Namespace();

  const std::string& label() const;
  int fd() const;               // owned by this object
  std::uint64_t inode() const;  // what the kernel, lsns and BPF programs call it

  template <typename F>
  std::invoke_result_t<F> Run(F&& work) const {
    using Result = std::invoke_result_t<F>;
    if constexpr (std::is_void_v<Result>) {
      RunErased([&] { std::forward<F>(work)(); });
    } else {
      std::optional<Result> result;
      RunErased([&] { result.emplace(std::forward<F>(work)()); });
      return *std::move(result);
    }
  }

 private:
  struct Impl;
  explicit Namespace(std::unique_ptr<Impl> impl);
  void RunErased(const std::function<void()>& work) const;

  std::unique_ptr<Impl> impl_;
};

}  // namespace knetlab
