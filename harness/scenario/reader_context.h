// SPDX-License-Identifier: Apache-2.0
// What the parts of the reader share: names declared so far, files to be found, and the parts themselves, one
// a section of the file.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "harness/scenario/model.h"
#include "harness/scenario/reader.h"
#include "harness/scenario/reader_mistakes.h"
#include "harness/scenario/yaml_node.h"

namespace knetlab {

// Names of one kind: each declared once, and before it is used.
class DeclaredNames {
 public:
  explicit DeclaredNames(std::string_view kind) : kind_(kind) {}

  void Add(const Node& node, const std::string& name);  // fails where it is there already
  bool Has(const std::string& name) const { return marks_.count(name) != 0; }
  // `name`, which was read from `node`; fails with the nearest name where it is not declared.
  const std::string& Require(const Node& node, const std::string& name) const;
  std::string Require(const Node& node) const { return Require(node, node.Text("the name of " + kind_)); }
  const std::map<std::string, Mark>& marks() const { return marks_; }
  // A declaration could not be read: what is not declared from now on may be for that reason.
  void MarkIncomplete() { incomplete_ = true; }

 private:
  std::string kind_;  // "a namespace"
  std::map<std::string, Mark> marks_;
  bool incomplete_ = false;
};

struct ReadContext {
  const ReadOptions& options;
  Mistakes& mistakes;
  bool has_topology = false;
  DeclaredNames namespaces{"a namespace"}, endpoints{"an endpoint"}, sockets{"a socket"},
      programs{"a program"};
};

// The sections. Each throws Error.
TopologySpec ReadTopologySection(const Node& node, ReadContext& context);
std::vector<SocketSpec> ReadSocketsSection(const Node& node, ReadContext& context);
std::vector<ProgramSpec> ReadProgramsSection(const Node& node, ReadContext& context);
CaptureSpec ReadCaptureSection(const Node& node, const ReadContext& context);
std::vector<Step> ReadStepsSection(const Node& node, const ReadContext& context);
ExpectStep ReadExpect(const Node& node, const ReadContext& context);
void ReadPacketsChecks(const Node& node, const ReadContext& context, ExpectStep& expect);
void ReadLatencyChecks(const Node& node, ExpectStep& expect);
void ReadCostChecks(const Node& node, const ReadContext& context, ExpectStep& expect);

// Parts that several sections have.
ValueSpec ReadValue(const Node& node, const ReadContext& context);
std::vector<MapEntrySpec> ReadMapEntries(const Node& node, const ReadContext& context);
MapStep ReadMapStep(const Fields& fields, const ReadContext& context);
NumberCheck ReadNumberCheck(const Node& node);
std::string ReadLabel(const Node& node, std::string_view what);  // letters, digits, "_", "-", "."
// The name of something in an object file: longer, and sections of data begin with a dot.
std::string ReadSymbol(const Node& node, std::string_view what);
std::string ReadInterfaceName(const Node& node, const std::string& name);
std::vector<std::string> ReadLabels(const Node& node, std::string_view what);

// Existing regular files, looked for beside the file that names them. Fail at the node, with the nearest name
// of a file that is there.
std::string FindObject(const Node& node, const ReadContext& context);
std::string FindCapture(const Node& node);
std::string FindIncluded(const Node& node);
// A capture that need not be there yet: then the path beside the file that names it, and `is_there` false.
std::string FindGolden(const Node& node, bool& is_there);

}  // namespace knetlab
