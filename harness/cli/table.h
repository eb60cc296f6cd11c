// SPDX-License-Identifier: Apache-2.0
// Tables for people: columns line up, numbers to the right.
//
//   Table table({{"verdict"}, {"packets", Align::kRight}});
//   table.Add({"XDP_DROP", "120"});
//   std::string text = table.Render({.indent = 2, .colour = false});
//
// Colour is an addition: what it says, words say too.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace knetlab {

enum class Align { kLeft, kRight };
enum class Style { kPlain, kGood, kBad, kDim, kStrong };

// The text with escape sequences around it, or as it is where there is to be no colour.
std::string Paint(std::string_view text, Style style, bool colour);

struct Cell {
  Cell(std::string cell_text, Style cell_style = Style::kPlain)
      : text(std::move(cell_text)), style(cell_style) {}
  Cell(const char* cell_text, Style cell_style = Style::kPlain) : text(cell_text), style(cell_style) {}
  std::string text;  // made safe for terminals when rendered
  Style style;
};

struct Column {
  std::string title;  // all empty: no line of titles
  Align align = Align::kLeft;
};

struct TableLook {
  std::size_t indent = 2;
  bool colour = false;
};

class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  void Add(std::vector<Cell> row);  // cells left out at the end are empty
  // A line below the row before it, beginning at a column; it makes no column wider.
  void AddBelow(std::size_t column, Cell cell);
  // Lines end without spaces.
  std::string Render(const TableLook& look) const;

 private:
  struct Row {
    std::vector<Cell> cells;
    std::size_t begin = 0;  // of a line below: its column
    bool below = false;
  };
  std::vector<std::size_t> Widths() const;

  std::vector<Column> columns_;
  std::vector<Row> rows_;
};

}  // namespace knetlab
