// SPDX-License-Identifier: Apache-2.0
#include "harness/traffic/capture_writer.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <utility>

#include "netns/error.h"
#include "netns/fd.h"

namespace knetlab {
namespace {

constexpr const char* kWriteCapture = "write capture";
constexpr std::uint32_t kMicroseconds = 1'000'000;

void Append(std::string& text, std::uint32_t number) {  // little-endian, as the magic number says
  for (int shift = 0; shift < 32; shift += 8) text.push_back(static_cast<char>(number >> shift));
}

// https://www.tcpdump.org/manpages/pcap-savefile.5.html
std::string FileHeader() {
  std::string text;
  Append(text, 0xa1b2c3d4);
  Append(text, 4U << 16 | 2);  // version 2.4
  Append(text, 0);
  Append(text, 0);
  Append(text, 262'144);  // snapshot length
  Append(text, 1);        // Ethernet
  return text;
}

void AppendPacket(std::string& text, const Packet& packet, std::uint32_t number) {
  Append(text, number / kMicroseconds);
  Append(text, number % kMicroseconds);
  Append(text, static_cast<std::uint32_t>(packet.bytes.size()));
  Append(text, packet.wire_length);
  text.append(reinterpret_cast<const char*>(packet.bytes.data()), packet.bytes.size());
}

// A file beside the one that it is going to replace; removed unless it did.
class Replacement {
 public:
  explicit Replacement(const std::string& path) : path_(path) {
    const std::filesystem::path target = path;
    name_ = (target.parent_path() / ("." + target.filename().string() + ".XXXXXX")).string();
    fd_.reset(::mkostemp(name_.data(), O_CLOEXEC));
    if (!fd_) throw ErrnoError(kWriteCapture, path_, errno);
  }
  Replacement(const Replacement&) = delete;
  Replacement& operator=(const Replacement&) = delete;
  ~Replacement() {
    if (!done_) ::unlink(name_.c_str());
  }

  void Write(const std::string& text) {
    for (std::size_t at = 0; at < text.size();) {
      const ssize_t written = ::write(fd_.get(), text.data() + at, text.size() - at);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) throw ErrnoError(kWriteCapture, path_, errno);
      at += static_cast<std::size_t>(written);
    }
  }

  void Finish() {
    constexpr mode_t kReadable = 0644;  // mkostemp() makes it for the owner alone
    if (::fchmod(fd_.get(), kReadable) != 0 || ::fsync(fd_.get()) != 0 ||
        ::rename(name_.c_str(), path_.c_str()) != 0)
      throw ErrnoError(kWriteCapture, path_, errno);
    done_ = true;
  }

 private:
  std::string path_, name_;
  UniqueFd fd_;
  bool done_ = false;
};

}  // namespace

void WriteCapture(const std::string& path, const std::vector<Packet>& packets) {
  std::string text = FileHeader();
  std::uint32_t number = 0;
  for (const Packet& packet : packets) AppendPacket(text, packet, ++number);
  Replacement file(path);
  file.Write(text);
  file.Finish();
}

}  // namespace knetlab
