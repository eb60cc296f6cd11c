// SPDX-License-Identifier: Apache-2.0
#include "harness/program/sha256.h"

#include <openssl/evp.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <vector>

#include "netns/error.h"

namespace knetlab {
namespace {

class Hasher {
 public:
  Hasher() : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
    Check(context_ != nullptr && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
  }

  void Add(std::span<const std::byte> data) {
    Check(EVP_DigestUpdate(context_.get(), data.data(), data.size()) == 1);
  }

  std::string Hex() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    Check(EVP_DigestFinal_ex(context_.get(), digest.data(), &size) == 1);
    constexpr char kDigits[] = "0123456789abcdef";
    std::string text;
    for (unsigned int i = 0; i < size; ++i) {
      text += kDigits[digest[i] >> 4];
      text += kDigits[digest[i] & 15];
    }
    return text;
  }

 private:
  static void Check(bool ok) {
    if (!ok)
      throw Error(
          {.what = "compute SHA-256", .where = "", .why = "OpenSSL refused", .hint = "", .detail = ""});
  }

  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

}  // namespace

std::string Sha256Hex(std::span<const std::byte> data) {
  Hasher hasher;
  hasher.Add(data);
  return hasher.Hex();
}

std::string Sha256File(int fd, const std::string& path) {
  Hasher hasher;
  std::vector<std::byte> buffer(std::size_t{256} << 10);
  for (off_t offset = 0;;) {
    const ssize_t got = ::pread(fd, buffer.data(), buffer.size(), offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw ErrnoError("read", path, errno);
    if (got == 0) return hasher.Hex();
    hasher.Add(std::span(buffer).first(static_cast<std::size_t>(got)));
    offset += got;
  }
}

}  // namespace knetlab
