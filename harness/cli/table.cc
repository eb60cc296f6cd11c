// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "harness/cli/text.h"

namespace knetlab {
namespace {

constexpr std::size_t kGap = 2;  // between columns

// One line of a cell; a table has no place for more.
std::string OneLine(std::string_view text) {
  std::string line = TerminalSafe(text);
  std::replace(line.begin(), line.end(), '\n', ' ');
  std::replace(line.begin(), line.end(), '\t', ' ');
  return line;
}

// Spaces are held back until something follows them.
class Line {
 public:
  explicit Line(std::size_t indent) : pending_(indent) {}

  void Put(const Cell& cell, std::size_t width, Align align, bool colour) {
    const std::string text = OneLine(cell.text);
    const std::size_t used = DisplayWidth(text);
    const std::size_t spare = width > used ? width - used : 0;
    if (align == Align::kRight) pending_ += spare;
    if (!text.empty()) {
      line_.append(std::exchange(pending_, 0), ' ');
      line_ += Paint(text, cell.style, colour);
    }
    pending_ += kGap + (align == Align::kLeft ? spare : 0);
  }
  void Skip(std::size_t width) { pending_ += width; }
  std::string Take() { return std::move(line_) + "\n"; }

 private:
  std::string line_;
  std::size_t pending_;
};

}  // namespace

std::string Paint(std::string_view text, Style style, bool colour) {
  if (!colour || style == Style::kPlain || text.empty()) return std::string(text);
  const char* code = "";
  switch (style) {
    case Style::kGood:
      code = "32";
      break;
    case Style::kBad:
      code = "1;31";
      break;
    case Style::kDim:
      code = "2";
      break;
    case Style::kStrong:
      code = "1";
      break;
    case Style::kPlain:
      break;
  }
  return fmt::format("\033[{}m{}\033[0m", code, text);
}

void Table::Add(std::vector<Cell> row) {
  rows_.push_back({.cells = std::move(row)});
}

void Table::AddBelow(std::size_t column, Cell cell) {
  Row row;
  row.cells.push_back(std::move(cell));
  row.begin = column;
  row.below = true;
  rows_.push_back(std::move(row));
}

std::vector<std::size_t> Table::Widths() const {
  std::vector<std::size_t> widths;
  for (const Column& column : columns_) widths.push_back(DisplayWidth(column.title));
  for (const Row& row : rows_) {
    for (std::size_t i = 0; !row.below && i < row.cells.size() && i < widths.size(); ++i) {
      widths[i] = std::max(widths[i], DisplayWidth(OneLine(row.cells[i].text)));
    }
  }
  return widths;
}

std::string Table::Render(const TableLook& look) const {
  const std::vector<std::size_t> widths = Widths();
  std::string text;
  if (std::any_of(columns_.begin(), columns_.end(),
                  [](const Column& column) { return !column.title.empty(); })) {
    Line line(look.indent);
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      line.Put({columns_[i].title, Style::kDim}, widths[i], columns_[i].align, look.colour);
    }
    text += line.Take();
  }
  for (const Row& row : rows_) {
    Line line(look.indent);
    for (std::size_t i = 0; i < row.begin && i < widths.size(); ++i) line.Skip(widths[i] + kGap);
    for (std::size_t i = 0; i < row.cells.size() && row.begin + i < columns_.size(); ++i) {
      const std::size_t column = row.begin + i;
      line.Put(row.cells[i], widths[column], row.below ? Align::kLeft : columns_[column].align, look.colour);
    }
    text += line.Take();
  }
  return text;
}

}  // namespace knetlab
