// SPDX-License-Identifier: Apache-2.0
#include "netns/visit.h"

#include <sched.h>

#include <cerrno>
#include <exception>

#include "netns/error.h"
#include "netns/worker.h"

namespace knetlab {

void VisitNamespaces(const std::vector<const Namespace*>& namespaces,
                     const std::function<void(std::size_t)>& work) {
  if (namespaces.empty()) return;
  std::exception_ptr failure;
  StartQuietThread([&] {
    try {
      for (std::size_t i = 0; i < namespaces.size(); ++i) {
        if (::setns(namespaces[i]->fd(), CLONE_NEWNET) != 0) {
          throw ErrnoError("enter namespace", namespaces[i]->label(), errno);
        }
        work(i);
      }
    } catch (...) {
      failure = std::current_exception();
    }
  }).join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace knetlab
