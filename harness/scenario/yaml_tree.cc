// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/yaml_tree.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>
#include <sstream>

#include "harness/scenario/reader_error.h"
#include "netns/error.h"
#include "netns/fd.h"

namespace knetlab {
namespace {

class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(const std::string& file) : file_(std::make_shared<const std::string>(file)) {}

  YamlTree::Pointer root() const { return root_; }
  std::size_t weight() const { return weight_; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (root_) FailAt(Place(mark), "a second document begins here", "one scenario a file");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Put(Leaf(mark, YamlTree::Kind::kNull), mark, anchor);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    RefuseTag(mark, tag);
    if (value.find('\0') != std::string::npos) FailAt(Place(mark), "a NUL character in a text");
    if (!IsUtf8(value)) FailAt(Place(mark), "a text that is not UTF-8");
    auto node = Leaf(mark, YamlTree::Kind::kScalar);
    node->quoted = tag == "!";
    node->text = value;
    node->weight = ScalarWeight(value);
    Put(node, mark, anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) FailAt(Place(mark), "the alias is inside what it stands for");
    Put(found->second, mark, 0);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    Open(mark, tag, anchor, YamlTree::Kind::kSequence);
  }
  void OnSequenceEnd() override { CloseTop(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    Open(mark, tag, anchor, YamlTree::Kind::kMap);
  }
  void OnMapEnd() override { CloseTop(); }

 private:
  struct Frame {
    std::shared_ptr<YamlTree> node;
    YAML::anchor_t anchor = 0;
    YamlTree::Pointer key;  // of a map: waits for its value
    std::map<std::string, int> lines_of_keys;
  };

  Mark Place(const YAML::Mark& mark) const { return {*file_, mark.line + 1, mark.column + 1}; }

  std::shared_ptr<YamlTree> Leaf(const YAML::Mark& mark, YamlTree::Kind kind) const {
    auto node = std::make_shared<YamlTree>();
    node->file = file_;
    node->kind = kind;
    node->line = mark.line + 1;
    node->column = mark.column + 1;
    return node;
  }

  void RefuseTag(const YAML::Mark& mark, const std::string& tag) const {
    if (tag.empty() || tag == "?" || tag == "!") return;
    FailAt(Place(mark), fmt::format("the tag {} is not part of the language", Quoted(tag)), "leave it out");
  }

  void Open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YamlTree::Kind kind) {
    RefuseTag(mark, tag);
    if (!frames_.empty()) RefuseCompositeKey(mark);
    CheckDepth(mark, 1);
    frames_.push_back({.node = Leaf(mark, kind), .anchor = anchor, .key = nullptr, .lines_of_keys = {}});
  }

  void CloseTop() {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    weight_ -= frame.node->weight - 1;  // Put counts the whole
    YAML::Mark mark;
    mark.line = frame.node->line - 1;
    mark.column = frame.node->column - 1;
    Put(frame.node, mark, frame.anchor);
  }

  void CheckDepth(const YAML::Mark& mark, int height) const {
    if (static_cast<int>(frames_.size()) + height > kMaxYamlDepth)
      FailAt(Place(mark), fmt::format("nested more than {} levels deep", kMaxYamlDepth));
  }

  void RefuseCompositeKey(const YAML::Mark& mark) const {
    const Frame& top = frames_.back();
    if (top.node->kind == YamlTree::Kind::kMap && !top.key)
      FailAt(Place(mark), "a key must be one word, not a list or a map", "put braces or brackets in quotes");
  }

  // Adds a finished node to what is open.
  void Put(YamlTree::Pointer node, const YAML::Mark& mark, YAML::anchor_t anchor) {
    CheckDepth(mark, node->height);
    weight_ += node->weight;
    if (weight_ > kMaxYamlWeight)
      FailAt(Place(mark),
             fmt::format("more than {} nodes, aliases counted as often as they are used", kMaxYamlWeight));
    if (anchor != 0) anchors_[anchor] = node;
    if (frames_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& top = frames_.back();
    top.node->weight += node->weight;
    top.node->height = std::max(top.node->height, node->height + 1);
    if (top.node->kind == YamlTree::Kind::kSequence) {
      top.node->items.push_back(std::move(node));
    } else if (!top.key) {
      TakeKey(top, std::move(node), mark);
    } else {
      if (node->kind == YamlTree::Kind::kNull) {
        // yaml-cpp puts the mark of an empty value behind it, which can be lines later.
        auto empty = std::make_shared<YamlTree>(*node);
        empty->line = top.key->line;
        empty->column = top.key->column;
        node = empty;
      }
      top.node->pairs.emplace_back(std::move(top.key), std::move(node));
      top.key = nullptr;
    }
  }

  void TakeKey(Frame& top, YamlTree::Pointer key, const YAML::Mark& mark) const {
    if (key->kind == YamlTree::Kind::kNull) FailAt(Place(mark), "a key is missing");
    if (key->kind != YamlTree::Kind::kScalar) RefuseCompositeKey(mark);
    const auto [first, is_new] = top.lines_of_keys.emplace(key->text, key->line);
    if (!is_new)
      FailAt(MarkOf(*key), fmt::format("the key {} is there twice", Quoted(key->text)),
             fmt::format("the first is in line {}", first->second));
    top.key = std::move(key);
  }

  std::shared_ptr<const std::string> file_;
  YamlTree::Pointer root_;
  std::vector<Frame> frames_;
  std::map<YAML::anchor_t, YamlTree::Pointer> anchors_;
  std::size_t weight_ = 0;
};

std::shared_ptr<YamlTree> NodeAt(const YamlTree& at, YamlTree::Kind kind) {
  auto node = std::make_shared<YamlTree>();
  node->kind = kind;
  node->file = at.file;
  node->line = at.line;
  node->column = at.column;
  return node;
}

std::string ReadWholeFile(const std::string& file) {
  const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));  // a FIFO must not make it wait
  struct stat status {};
  if (fd.get() < 0 || fstat(fd.get(), &status) != 0) throw ErrnoError("read scenario", file, errno);
  if (!S_ISREG(status.st_mode))
    throw Error(
        {.what = "read scenario", .where = file, .why = "not a regular file", .hint = "", .detail = ""});
  std::string text;
  std::size_t used = 0;
  for (;;) {
    text.resize(std::min(used + 65536, kMaxYamlBytes + 1));
    if (used == text.size()) FailAt({file, 1, 1}, fmt::format("larger than {} MiB", kMaxYamlBytes >> 20));
    const ssize_t got = ::read(fd.get(), text.data() + used, text.size() - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw ErrnoError("read scenario", file, errno);
    if (got == 0) break;
    used += static_cast<std::size_t>(got);
  }
  text.resize(used);
  return text;
}

}  // namespace

std::size_t ScalarWeight(const std::string& text) {
  return 1 + text.size() / 64;
}

Mark MarkOf(const YamlTree& tree) {
  return {*tree.file, tree.line, tree.column};
}

std::shared_ptr<YamlTree> MakeScalar(const YamlTree& at, std::string text) {
  auto node = NodeAt(at, YamlTree::Kind::kScalar);
  node->quoted = at.quoted;
  node->weight = ScalarWeight(text);
  node->text = std::move(text);
  return node;
}

std::shared_ptr<YamlTree> MakeMap(const YamlTree& at,
                                  std::vector<std::pair<YamlTree::Pointer, YamlTree::Pointer>> pairs) {
  auto node = NodeAt(at, YamlTree::Kind::kMap);
  for (const auto& [key, value] : pairs) {
    node->weight += key->weight + value->weight;
    node->height = std::max(node->height, value->height + 1);
  }
  node->pairs = std::move(pairs);
  return node;
}

std::shared_ptr<YamlTree> MakeSequence(const YamlTree& at, std::vector<YamlTree::Pointer> items) {
  auto node = NodeAt(at, YamlTree::Kind::kSequence);
  for (const auto& item : items) {
    node->weight += item->weight;
    node->height = std::max(node->height, item->height + 1);
  }
  node->items = std::move(items);
  return node;
}

std::shared_ptr<YamlDocument> MakeDocument(YamlTree::Pointer root) {
  if (root->weight > kMaxYamlWeight)
    FailAt(MarkOf(*root), fmt::format("with includes and parameters more than {} nodes", kMaxYamlWeight));
  if (root->height > kMaxYamlDepth)
    FailAt(MarkOf(*root),
           fmt::format("with includes and parameters nested more than {} levels deep", kMaxYamlDepth));
  auto document = std::make_shared<YamlDocument>();
  document->weight = root->weight;
  document->root = std::move(root);
  return document;
}

std::shared_ptr<YamlDocument> ParseYaml(const std::string& file, const std::string& text) {
  if (text.size() > kMaxYamlBytes)
    FailAt({file, 1, 1}, fmt::format("larger than {} MiB", kMaxYamlBytes >> 20));
  TreeBuilder builder(file);
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& e) {
    const Mark mark = e.mark.is_null() ? Mark{file, 1, 1} : Mark{file, e.mark.line + 1, e.mark.column + 1};
    FailAt(mark, "not valid YAML: " + Printable(e.msg));
  }
  if (!builder.root() || builder.root()->kind == YamlTree::Kind::kNull)
    FailAt({file, 1, 1}, "the file is empty", "docs/scenario.md shows what a scenario looks like");
  auto document = std::make_shared<YamlDocument>();
  document->root = builder.root();
  document->weight = builder.weight();
  document->bytes = text.size();
  return document;
}

std::shared_ptr<YamlDocument> ParseYamlFile(const std::string& file) {
  return ParseYaml(file, ReadWholeFile(file));
}

}  // namespace knetlab
