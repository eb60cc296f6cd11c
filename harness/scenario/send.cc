// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/send.h"

#include <condition_variable>
#include <mutex>
#include <thread>

#include "netns/namespace.h"
#include "netns/worker.h"

namespace knetlab {
namespace {

constexpr const char* kOwnNamespace = "/proc/self/ns/net";

// Requests a stop after a time, unless it is gone before.
class Deadline {
 public:
  Deadline(std::stop_source stop, std::chrono::nanoseconds after)
      : thread_(StartQuietThread([this, stop = std::move(stop), after]() mutable {
          std::unique_lock lock(mutex_);
          if (!gone_.wait_for(lock, after, [this] { return over_; })) stop.request_stop();
        })) {}
  ~Deadline() {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
      gone_.notify_all();
    }
    thread_.join();
  }
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

 private:
  std::mutex mutex_;
  std::condition_variable gone_;
  bool over_ = false;
  std::thread thread_;
};

}  // namespace

SendResult SendOut(PacketFeed& feed, const SendRequest& request, std::stop_token stop) {
  const Namespace ns = Namespace::Open(request.netns.empty() ? kOwnNamespace : request.netns);
  FeedSource source(feed, request.options, ns, request.interface);
  std::stop_source ending;
  const std::stop_callback on_stop(std::move(stop), [&] { ending.request_stop(); });
  SendResult result;
  result.choice = source.choice();
  result.summary = source.summary();
  const SendContext context{
      .ns = &ns, .interface = request.interface, .observer = nullptr, .stop = ending.get_token()};
  std::optional<Deadline> deadline;
  if (request.duration) deadline.emplace(ending, *request.duration);
  result.report = source.Send(context);
  return result;
}

}  // namespace knetlab
