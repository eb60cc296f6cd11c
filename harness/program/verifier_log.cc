// SPDX-License-Identifier: Apache-2.0
#include "harness/program/verifier_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "harness/program/libbpf_log.h"
#include "netns/error.h"
#include "netns/fd.h"

namespace knetlab {
namespace {

// Kernels before 6.4 keep the beginning of a log that does not fit, and the reason is at its end.
constexpr std::size_t kBufferSize = std::size_t{64} << 20;

// The verifier may say what is wrong in more than one line; beyond this it is no longer a reason to read in
// passing.
constexpr std::size_t kMaxReason = 160;
constexpr int kDetailLines = 20;

// Lines that trace the verifier's walk or account for it, as opposed to those that say what is wrong.
bool IsTrace(std::string_view line) {
  if (line.empty() || line.front() == ';' || line.front() == ' ') return true;
  constexpr std::array<std::string_view, 12> kBeginnings = {
      "processed ",  "verification time ", "stack depth ", "from ", "func#",  "Func#",
      "Validating ", "mark_precise",       "last_idx ",    "frame", "caller", "callee"};
  for (std::string_view beginning : kBeginnings) {
    if (line.starts_with(beginning)) return true;
  }
  // "12: (b7) r0 = 0", "12: R0=...": an instruction or a state; "R1 invalid mem access" is neither.
  std::size_t digits = 0;
  while (digits < line.size() && std::isdigit(static_cast<unsigned char>(line[digits])) != 0) ++digits;
  return digits > 0 && digits < line.size() && line[digits] == ':';
}

// Opens without following links and refuses what another user, or a second name, could see or steer.
UniqueFd OpenOwn(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600));
  struct stat info {};
  if (!fd || ::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode) || info.st_uid != ::geteuid() ||
      info.st_nlink != 1 || (info.st_mode & 0077) != 0) {
    return UniqueFd();
  }
  if (::flock(fd.get(), LOCK_EX) != 0 || ::ftruncate(fd.get(), 0) != 0) return UniqueFd();
  return fd;
}

bool WriteAll(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

std::string FileNamePart(std::string_view program) {
  std::string name(program.substr(0, 64));
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '_') c = '_';
  }
  return name;
}

}  // namespace

VerifierLogBuffer::VerifierLogBuffer()
    : data_(static_cast<char*>(::mmap(nullptr, kBufferSize, PROT_READ | PROT_WRITE,
                                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0))) {
  if (data_ == MAP_FAILED) throw ErrnoError("reserve memory for", "the verifier log", errno);
}

VerifierLogBuffer::~VerifierLogBuffer() {
  ::munmap(data_, kBufferSize);
}

std::size_t VerifierLogBuffer::size() const {
  return kBufferSize;
}

std::string VerifierLogBuffer::Text() const {
  return Printable(std::string(data_, ::strnlen(data_, kBufferSize)));
}

std::string VerifierReason(std::string_view log) {
  std::string reason;
  std::string_view last;
  while (true) {
    const std::size_t end = log.find_last_not_of('\n');
    if (end == log.npos) break;
    log = log.substr(0, end + 1);
    const std::size_t start = log.rfind('\n') + 1;  // npos + 1 is 0
    const std::string_view line = log.substr(start);
    log = log.substr(0, start);
    if (last.empty()) last = line;
    if (!IsTrace(line)) {
      reason = reason.empty() ? std::string(line) : fmt::format("{}; {}", line, reason);
      if (reason.size() > kMaxReason) break;
    } else if (!reason.empty()) {
      break;
    }
  }
  return reason.empty() ? std::string(last) : reason;
}

std::string LastLines(std::string_view text, int count) {
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  std::size_t start = text.size();
  for (int i = 0; i < count && start != text.npos && start > 0; ++i) start = text.rfind('\n', start - 1);
  return std::string(start == text.npos || start == 0 ? text : text.substr(start + 1));
}

std::string SaveVerifierLog(std::string_view program, std::string_view object_sha256, std::string_view log) {
  const char* folder =
      std::getenv("TMPDIR");  // NOLINT(concurrency-mt-unsafe): nothing here sets the environment
  const std::string stem =
      fmt::format("{}/knetlab-verifier-{}-{}", folder != nullptr && *folder == '/' ? folder : "/tmp",
                  FileNamePart(program), object_sha256.substr(0, 12));
  std::string path = stem + ".log";
  UniqueFd fd = OpenOwn(path);
  if (!fd) {
    path = stem + "-XXXXXX.log";
    fd = UniqueFd(::mkostemps(path.data(), 4, O_CLOEXEC));
  }
  if (!fd || !WriteAll(fd.get(), log)) return "";
  return path;
}

VerifierRefusal ReportVerifierLog(std::string_view program, std::string_view object_sha256,
                                  std::string_view log) {
  VerifierRefusal refusal{.reason = VerifierReason(log), .detail = LastLines(log, kDetailLines)};
  const std::string saved = SaveVerifierLog(program, object_sha256, log);
  if (!saved.empty()) refusal.detail += "\nwhole log: " + saved;
  return refusal;
}

}  // namespace knetlab
