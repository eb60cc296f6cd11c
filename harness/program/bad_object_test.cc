// SPDX-License-Identifier: Apache-2.0
// What a person reads when an object cannot be used.
#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <cstring>

#include "harness/program/object.h"
#include "harness/program/test_support.h"

namespace knetlab {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

// The bytes of an object with its ELF header, or one section's, changed.
std::string WithHeader(const std::string& object, const std::function<void(Elf64_Ehdr&)>& change) {
  std::string bytes = ReadFile(object);
  Elf64_Ehdr header{};
  std::memcpy(&header, bytes.data(), sizeof(header));
  change(header);
  std::memcpy(bytes.data(), &header, sizeof(header));
  return bytes;
}

std::string WithSection(const std::string& object, const std::string& name,
                        const std::function<void(Elf64_Shdr&)>& change) {
  std::string bytes = ReadFile(object);
  Elf64_Ehdr header{};
  std::memcpy(&header, bytes.data(), sizeof(header));
  const auto section_at = [&](std::size_t index) {
    return bytes.data() + header.e_shoff + index * sizeof(Elf64_Shdr);
  };
  Elf64_Shdr strings{};
  std::memcpy(&strings, section_at(header.e_shstrndx), sizeof(strings));
  for (std::size_t i = 0; i < header.e_shnum; ++i) {
    Elf64_Shdr section{};
    std::memcpy(&section, section_at(i), sizeof(section));
    if (name != bytes.c_str() + strings.sh_offset + section.sh_name) continue;
    change(section);
    std::memcpy(section_at(i), &section, sizeof(section));
    return bytes;
  }
  ADD_FAILURE() << "no section " << name;
  return bytes;
}

class BadObjects : public testing::Test {
 protected:
  ErrorParts InspectError(const std::string& content) {
    const std::string path = folder_.Write("bad.o", content);
    ErrorParts error = ErrorOf([&] { InspectObject(path); });
    EXPECT_THAT(error.where, HasSubstr("bad.o"));
    return error;
  }
  ScratchFolder folder_;
};

TEST_F(BadObjects, MissingFile) {
  const ErrorParts error = ErrorOf([] { InspectObject("/nonexistent.o"); });
  EXPECT_EQ(error.where, "/nonexistent.o");
  EXPECT_EQ(error.code, ENOENT);
}

TEST_F(BadObjects, FolderAndPipe) {
  EXPECT_THAT(ErrorOf([&] { InspectObject(folder_.path()); }).why, HasSubstr("not a regular file"));
  const std::string pipe = folder_.path() / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THAT(ErrorOf([&] { InspectObject(pipe); }).why, HasSubstr("not a regular file"));
}

TEST_F(BadObjects, NotElf) {
  EXPECT_THAT(InspectError("").why, HasSubstr("not an ELF object"));
  const ErrorParts error = InspectError(std::string(4096, 'x'));
  EXPECT_THAT(error.why, HasSubstr("not an ELF object"));
  EXPECT_THAT(error.hint, HasSubstr("-target bpf"));
}

TEST_F(BadObjects, ElfOfAnotherMachine) {
  EXPECT_THAT(ErrorOf([] { InspectObject("/proc/self/exe"); }).why, HasSubstr("x86-64, not for BPF"));
}

TEST_F(BadObjects, BigEndian) {
  const std::string object =
      WithHeader(TestObject("test_maps"), [](Elf64_Ehdr& header) { header.e_ident[EI_DATA] = ELFDATA2MSB; });
  EXPECT_THAT(InspectError(object).why, HasSubstr("big-endian"));
}

TEST_F(BadObjects, CutShort) {
  const std::string object = ReadFile(TestObject("test_maps"));
  for (const std::size_t length : {std::size_t{10}, std::size_t{64}, object.size() / 2, object.size() - 1}) {
    EXPECT_THAT(InspectError(object.substr(0, length)).why, HasSubstr("cut short")) << length;
  }
  const std::string beyond =
      WithSection(TestObject("test_maps"), "xdp", [](Elf64_Shdr& section) { section.sh_size = 1U << 30; });
  EXPECT_THAT(InspectError(beyond).why, HasSubstr("cut short"));
}

TEST_F(BadObjects, LegacyMapsSection) {
  // ".maps" without its dot.
  const std::string object =
      WithSection(TestObject("test_maps"), ".maps", [](Elf64_Shdr& section) { ++section.sh_name; });
  const ErrorParts error = InspectError(object);
  EXPECT_THAT(error.why, HasSubstr("legacy"));
  EXPECT_THAT(error.hint, HasSubstr(".maps"));
}

TEST_F(BadObjects, MapsWithoutBtf) {
  const std::string object =
      WithSection(TestObject("test_maps"), ".BTF", [](Elf64_Shdr& section) { ++section.sh_name; });
  const ErrorParts error = InspectError(object);
  EXPECT_THAT(error.why, HasSubstr("BTF"));
  EXPECT_THAT(error.hint, HasSubstr("-g"));
}

TEST_F(BadObjects, BtfThatRefersToTypesItDoesNotHave) {
  std::string object = ReadFile(TestObject("test_maps"));
  WithSection(TestObject("test_maps"), ".BTF", [&](Elf64_Shdr& section) {
    // After the header of 24 bytes come the types; the first, a pointer, has the type it points to at 8.
    object.replace(section.sh_offset + 24 + 8, 4, "\xff\xff\xff\x7f");
  });
  EXPECT_THAT(InspectError(object).why, HasSubstr("BTF refers to types"));
}

TEST_F(BadObjects, BtfThatEndsWithinAPartOfIt) {
  const std::string path = TestObject("test_maps");
  std::string object = ReadFile(path);
  WithSection(path, ".BTF", [&](Elf64_Shdr& section) {
    object[section.sh_offset + 4] = 32;  // the length of its header, so that the names end 8 bytes too late
  });
  EXPECT_THAT(InspectError(object).why, HasSubstr("BTF ends within"));
}

TEST_F(BadObjects, SectionOfNoTypeBeyondTheFile) {
  const std::string object = WithSection(TestObject("test_maps"), ".BTF", [](Elf64_Shdr& section) {
    section.sh_type = SHT_NULL;
    section.sh_offset = 1U << 30;
  });
  EXPECT_THAT(InspectError(object).why, HasSubstr("cut short"));
}

TEST_F(BadObjects, NamesThatATerminalShouldNotSee) {
  std::string object = ReadFile(TestObject("test_kinds"));
  for (std::size_t at = 0; (at = object.find("xdp_packet_hook", at)) != object.npos; ++at)
    object[at] = '\x1b';
  EXPECT_THAT(InspectError(object).why, HasSubstr("unprintable"));
}

TEST_F(BadObjects, WithoutBtfTheTypeStillComesFromWordsAndUse) {
  const std::string object =
      WithSection(TestObject("test_kinds"), ".BTF", [](Elf64_Shdr& section) { ++section.sh_name; });
  std::map<std::string, bpf_prog_type> types;
  for (const ProgramInfo& info : InspectObject(folder_.Write("nobtf.o", object)))
    types[info.name] = info.type;
  EXPECT_EQ(types.at("lan"), BPF_PROG_TYPE_SCHED_CLS);
  EXPECT_EQ(types.at("by_use"), BPF_PROG_TYPE_SCHED_CLS);
  EXPECT_EQ(types.at("keep_64"), BPF_PROG_TYPE_SOCKET_FILTER);
  EXPECT_EQ(types.at("hook"), BPF_PROG_TYPE_XDP);
}

TEST_F(BadObjects, NoSuchProgramMapOrVariable) {
  const std::string path = TestObject("test_maps");
  const ErrorParts program = ErrorOf([&] { BpfObject::Load(path, {.programs = {"by_lenght"}}); });
  EXPECT_THAT(program.where, HasSubstr("by_lenght"));
  EXPECT_THAT(program.hint, HasSubstr("by_length"));
  EXPECT_THAT(ErrorOf([&] { BpfObject::Load(path, {.map_sizes = {{"run", 3}}}); }).hint, HasSubstr("runs"));
  EXPECT_THAT(ErrorOf([&] {
                BpfObject::Load(path, {.globals = {{"otherwize", Global(1)}}});
              }).hint,
              HasSubstr("otherwise"));
  EXPECT_THAT(ErrorOf([&] {
                BpfObject::Load(path, {.globals = {{"small", Global(1)}}});
              }).why,
              HasSubstr("4 bytes given, it has 2"));
  const BpfObject object = BpfObject::Load(path, {});
  EXPECT_THAT(ErrorOf([&] { object.program("by_lengt"); }).hint, HasSubstr("by_length"));
  EXPECT_THAT(ErrorOf([&] { object.map("verdict_of_lenght"); }).hint, HasSubstr("verdict_of_length"));
}

// The log goes below $TMPDIR, which is the process's own here: each test of this program is a process under
// ctest, and the variable is put back.
class RefusedPrograms : public BadObjects {
 protected:
  void SetUp() override {
    const char* before = std::getenv("TMPDIR");
    if (before != nullptr) before_ = before;
    ::setenv("TMPDIR", folder_.path().c_str(), 1);
  }
  void TearDown() override {
    if (before_) {
      ::setenv("TMPDIR", before_->c_str(), 1);
    } else {
      ::unsetenv("TMPDIR");
    }
  }
  std::vector<std::filesystem::path> Logs() const {
    std::vector<std::filesystem::path> logs;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path()))
      logs.push_back(entry.path());
    return logs;
  }
  static ErrorParts Refusal() {
    return ErrorOf([] { BpfObject::Load(TestObject("test_tail_calls"), {.programs = {"oops"}}); });
  }

 private:
  std::optional<std::string> before_;
};

TEST_F(RefusedPrograms, AreNamedWithTheVerifiersWordsAndTheEndOfItsLog) {
  const ErrorParts error = Refusal();
  EXPECT_EQ(error.what, "load program");
  EXPECT_THAT(error.where, HasSubstr("test_tail_calls.bpf.o:oops"));
  EXPECT_THAT(error.why, HasSubstr("invalid access to packet"));
  EXPECT_THAT(error.detail, HasSubstr("invalid access to packet"));
  EXPECT_LE(std::count(error.detail.begin(), error.detail.end(), '\n'), 20);
}

TEST_F(RefusedPrograms, LeaveTheWholeLogInOnePrivateFile) {
  const ErrorParts error = Refusal();
  Refusal();
  ASSERT_EQ(Logs().size(), 1U);
  const std::string path = Logs().front();
  EXPECT_THAT(path, ContainsRegex("knetlab-verifier-oops-[0-9a-f]{12}\\.log$"));
  EXPECT_THAT(error.detail, HasSubstr(path));
  EXPECT_THAT(ReadFile(path), HasSubstr("invalid access to packet"));
  struct stat info {};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
}

TEST_F(RefusedPrograms, NeverWriteTheLogThroughALink) {
  Refusal();
  const std::string path = Logs().front();
  const std::string victim = folder_.Write("victim", "untouched");
  std::filesystem::remove(path);
  std::filesystem::create_symlink(victim, path);
  const ErrorParts error = Refusal();
  EXPECT_EQ(ReadFile(victim), "untouched");
  EXPECT_THAT(error.detail, HasSubstr("whole log: "));
  EXPECT_THAT(error.detail, Not(HasSubstr("whole log: " + path)));
}

TEST_F(RefusedPrograms, DoNotHinderTheOthersOfTheirObject) {
  EXPECT_NO_THROW(BpfObject::Load(TestObject("test_tail_calls"), {.programs = {"second"}}));
  EXPECT_TRUE(Logs().empty());
  EXPECT_THAT(ErrorOf([] { BpfObject::Load(TestObject("test_tail_calls"), {}); }).where, HasSubstr(":oops"));
}

TEST_F(RefusedPrograms, WithAGuessedTypeSayThatItWasGuessed) {
  const ErrorParts error =
      ErrorOf([] { BpfObject::Load(TestObject("test_tail_calls"), {.programs = {"untyped"}}); });
  EXPECT_THAT(error.where, HasSubstr(":untyped"));
  EXPECT_THAT(error.why, ContainsRegex("invalid mem access '(scalar|inv)'"));
  EXPECT_THAT(error.hint, HasSubstr("guessed"));
  EXPECT_EQ(Logs().size(), 1U);
}

TEST_F(RefusedPrograms, AreGivenTheUsualRemedy) {
  const std::vector<std::pair<std::string, std::string>> remedies = {
      {"past_the_end", "data_end"},      {"unchecked_lookup", "NULL"},     {"stale_pointer", "load data"},
      {"unbounded_index", "bound"},      {"helper_of_tc", "program type"}, {"endless", "bound"},
      {"field_beyond", "no such field"},
  };
  for (const auto& remedy : remedies) {
    const ErrorParts error =
        ErrorOf([&] { BpfObject::Load(TestObject("test_refused"), {.programs = {remedy.first}}); });
    EXPECT_THAT(error.hint, HasSubstr(remedy.second)) << remedy.first << ": " << error.why;
  }
}

TEST_F(RefusedPrograms, AreNotTriedWithAnotherTypeThanTheCallers) {
  EXPECT_NO_THROW(BpfObject::Load(TestObject("test_kinds"), {.programs = {"by_verifier"}}));
  EXPECT_THROW(BpfObject::Load(TestObject("test_kinds"),
                               {.programs = {"by_verifier"}, .types = {{"by_verifier", BPF_PROG_TYPE_XDP}}}),
               Error);
}

}  // namespace
}  // namespace knetlab
