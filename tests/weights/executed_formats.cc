// SPDX-License-Identifier: Apache-2.0
#include "tests/weights/executed_formats.h"

#include <algorithm>

namespace opcost {
namespace {

// The smallest of 8, 16, 32 and 64 bits that holds `largest`.
int WidthFor(int64_t largest) {
  int width = 8;
  while (width < 64 && (largest >> width) != 0) width *= 2;
  return width;
}

int64_t Largest(const std::vector<double>& contents) {
  const auto largest = std::max_element(contents.begin(), contents.end());
  return largest == contents.end() ? 0 : static_cast<int64_t>(*largest);
}

class Dense : public ExecutedFormat {
 public:
  explicit Dense(bool skips_zeros) : skips_zeros_(skips_zeros) {}
  Arrays Build(const Case& c) override {
    Arrays arrays;
    arrays[""].width_bits = c.value_bits;
    for (const auto& row : c.rows) {
      auto& values = arrays[""].contents;
      values.insert(values.end(), row.begin(), row.end());
    }
    return arrays;
  }
  void Multiply(const Case& c, Machine& machine) override {
    int64_t at = 0;
    for (size_t r = 0; r < c.rows.size(); ++r) {
      Number sum = machine.Zero();
      for (size_t k = 0; k < c.rows[r].size(); ++k) {
        const Number weight = machine[""].Read(at++);
        if (skips_zeros_ && weight.value() == 0) continue;
        sum = sum + weight * machine["x"].Read(Input(c, r, k));
      }
      machine.y().Write(static_cast<int64_t>(r), sum);
    }
  }

 private:
  bool skips_zeros_;
};

class Csr : public ExecutedFormat {
 public:
  Arrays Build(const Case& c) override {
    Arrays arrays;
    auto& values = arrays[""].contents;
    auto& columns = arrays["columns"].contents;
    auto& pointers = arrays["row pointers"].contents;
    for (size_t b = 0; b < c.matrices(); ++b) {
      double begin = 0;  // each matrix's own
      for (size_t r = 0; r < c.rows_of_matrix(); ++r) {
        pointers.push_back(begin);
        const auto& row = c.rows[b * c.rows_of_matrix() + r];
        for (size_t k = 0; k < row.size(); ++k) {
          if (row[k] == 0) continue;
          values.push_back(row[k]);
          columns.push_back(static_cast<double>(k));
          ++begin;
        }
      }
      pointers.push_back(begin);
    }
    arrays[""].width_bits = c.value_bits;
    arrays["columns"].width_bits = WidthFor(c.layout.columns - 1);
    arrays["row pointers"].width_bits = WidthFor(Largest(pointers));
    return arrays;
  }
  void Multiply(const Case& c, Machine& machine) override {
    size_t offset = 0;  // of the matrix's values
    for (size_t b = 0; b < c.matrices(); ++b) {
      size_t end = 0;
      for (size_t i = 0; i < c.rows_of_matrix(); ++i) {
        const size_t r = b * c.rows_of_matrix() + i;
        const size_t pointer = r + b;
        const size_t begin = machine.Index("row pointers", pointer);
        end = machine.Index("row pointers", pointer + 1);
        Number sum = machine.Zero();
        for (size_t e = begin; e < end; ++e) {
          const size_t column = machine.Index("columns", offset + e);
          sum = sum + machine[""].Read(static_cast<int64_t>(offset + e)) *
                          machine["x"].Read(Input(c, r, column));
        }
        machine.y().Write(static_cast<int64_t>(r), sum);
      }
      offset += end;
    }
  }
};

// Compressed entropy row: a row's columns are grouped by value, the values in
// the order of their frequency in the tensor, so that a pointer for each rank
// says which they are. The shared entropy row names its values instead.
class EntropyRow : public ExecutedFormat {
 public:
  explicit EntropyRow(bool is_shared) : is_shared_(is_shared) {}

  Arrays Build(const Case& c) override {
    Arrays arrays;
    const std::vector<double> ranked = Ranked(c.rows);
    implicit_ = ranked.empty() ? 0 : ranked[0];
    auto& columns = arrays["columns"].contents;
    auto& value_pointers = arrays["value pointers"].contents;
    auto& row_pointers = arrays["row pointers"].contents;
    if (is_shared_) arrays["value indices"];
    for (size_t b = 0; b < c.matrices(); ++b) {
      double at = 0;      // in the matrix's columns
      double groups = 0;  // in the matrix's value pointers
      for (size_t i = 0; i < c.rows_of_matrix(); ++i) {
        row_pointers.push_back(groups);
        const auto& row = c.rows[b * c.rows_of_matrix() + i];
        std::map<size_t, std::vector<double>> by_rank;
        for (size_t k = 0; k < row.size(); ++k) {
          const auto rank = static_cast<size_t>(
              std::find(ranked.begin(), ranked.end(), row[k]) - ranked.begin());
          if (rank != 0) by_rank[rank].push_back(static_cast<double>(k));
        }
        const size_t last = by_rank.empty() ? 0 : by_rank.rbegin()->first;
        for (size_t rank = 1; rank <= last; ++rank) {
          const bool is_there = by_rank.count(rank) != 0;
          if (is_shared_ && !is_there) continue;
          value_pointers.push_back(at);
          ++groups;
          if (!is_there) continue;
          const auto& group = by_rank[rank];
          columns.insert(columns.end(), group.begin(), group.end());
          at += static_cast<double>(group.size());
          if (is_shared_) {
            arrays["value indices"].contents.push_back(
                static_cast<double>(rank));
          }
        }
      }
      value_pointers.push_back(at);
      row_pointers.push_back(groups);
    }
    // Less the implicit value, whose product with the sum of the inputs has
    // all columns in it.
    for (const double value : ranked) {
      arrays[""].contents.push_back(value - implicit_);
    }
    arrays[""].width_bits = c.value_bits;
    arrays["columns"].width_bits = WidthFor(c.layout.columns - 1);
    arrays["value pointers"].width_bits = WidthFor(Largest(value_pointers));
    arrays["row pointers"].width_bits = WidthFor(Largest(row_pointers));
    if (is_shared_) {
      arrays["value indices"].width_bits =
          WidthFor(static_cast<int64_t>(ranked.size()) - 1);
    }
    return arrays;
  }

  void Multiply(const Case& c, Machine& machine) override {
    std::vector<Number> sums;  // of each block's vector, in registers
    for (int64_t b = 0; implicit_ != 0 && b < c.layout.blocks; ++b) {
      Number sum = machine.Zero();
      for (int64_t k = 0; k < c.layout.columns; ++k) {
        sum = sum + machine["x"].Read(b * c.layout.columns + k);
      }
      sums.push_back(sum);
    }
    size_t columns_at = 0;
    size_t groups_at = 0;  // value pointers before this matrix's
    size_t named_at = 0;   // value indices before this matrix's
    for (size_t b = 0; b < c.matrices(); ++b) {
      size_t columns = 0;
      size_t groups = 0;
      for (size_t i = 0; i < c.rows_of_matrix(); ++i) {
        const size_t r = b * c.rows_of_matrix() + i;
        const size_t first = machine.Index("row pointers", r + b);
        groups = machine.Index("row pointers", r + b + 1);
        Number y = machine.Zero();
        size_t begin = machine.Index("value pointers", groups_at + first);
        for (size_t group = first; group < groups; ++group) {
          const size_t end =
              machine.Index("value pointers", groups_at + group + 1);
          if (begin == end) continue;  // a rank that the row lacks
          const size_t rank =
              is_shared_ ? machine.Index("value indices", named_at + group)
                         : group - first + 1;
          Number sum = Gather(c, machine, r, columns_at + begin);
          for (size_t e = begin + 1; e < end; ++e) {
            sum = sum + Gather(c, machine, r, columns_at + e);
          }
          y = y + machine[""].Read(static_cast<int64_t>(rank)) * sum;
          begin = end;
        }
        columns = begin;
        if (implicit_ != 0) {
          y = y + Number(machine.tally(), implicit_) * sums[c.block_of(r)];
        }
        machine.y().Write(static_cast<int64_t>(r), y);
      }
      columns_at += columns;
      groups_at += groups + 1;
      named_at += groups;
    }
  }

 private:
  static Number Gather(const Case& c, Machine& machine, size_t r, size_t at) {
    return machine["x"].Read(Input(c, r, machine.Index("columns", at)));
  }

  bool is_shared_;
  double implicit_ = 0;
};

class Bitmap : public ExecutedFormat {
 public:
  Arrays Build(const Case& c) override {
    Arrays arrays;
    for (const auto& row : c.rows) {
      for (size_t k = 0; k < row.size(); k += 8) {
        int byte = 0;
        for (size_t bit = 0; bit < 8 && k + bit < row.size(); ++bit) {
          if (row[k + bit] == 0) continue;
          byte |= 1 << bit;
          arrays[""].contents.push_back(row[k + bit]);
        }
        arrays["mask"].contents.push_back(byte);
      }
    }
    arrays[""].width_bits = c.value_bits;
    arrays["mask"].width_bits = 8;
    return arrays;
  }
  void Multiply(const Case& c, Machine& machine) override {
    int64_t at = 0;
    size_t byte_at = 0;
    for (size_t r = 0; r < c.rows.size(); ++r) {
      Number sum = machine.Zero();
      for (size_t k = 0; k < c.rows[r].size(); k += 8) {
        const size_t byte = machine.Index("mask", byte_at++);
        for (size_t bit = 0; bit < 8; ++bit) {
          if ((byte >> bit & 1) == 0) continue;
          sum = sum + machine[""].Read(at++) *
                          machine["x"].Read(Input(c, r, k + bit));
        }
      }
      machine.y().Write(static_cast<int64_t>(r), sum);
    }
  }
};

// N values in each M columns of a row, those that are missing padded by zeros.
class Nm : public ExecutedFormat {
 public:
  Nm(size_t most, size_t block) : most_(most), block_(block) {}
  Arrays Build(const Case& c) override {
    Arrays arrays;
    for (const auto& row : c.rows) {
      for (size_t k = 0; k < row.size(); k += block_) {
        size_t used = 0;
        for (size_t i = k; i < std::min(k + block_, row.size()); ++i) {
          if (row[i] == 0) continue;
          arrays[""].contents.push_back(row[i]);
          arrays["indices"].contents.push_back(static_cast<double>(i - k));
          ++used;
        }
        for (; used < most_; ++used) {
          arrays[""].contents.push_back(0);
          arrays["indices"].contents.push_back(0);
        }
      }
    }
    arrays[""].width_bits = c.value_bits;
    int index_bits = 0;
    while ((size_t{1} << index_bits) < block_) ++index_bits;
    arrays["indices"].width_bits = index_bits;
    return arrays;
  }
  void Multiply(const Case& c, Machine& machine) override {
    size_t at = 0;
    for (size_t r = 0; r < c.rows.size(); ++r) {
      Number sum = machine.Zero();
      for (size_t k = 0; k < c.rows[r].size(); k += block_) {
        for (size_t slot = 0; slot < most_; ++slot, ++at) {
          const size_t column = k + machine.Index("indices", at);
          sum = sum + machine[""].Read(static_cast<int64_t>(at)) *
                          machine["x"].Read(Input(c, r, column));
        }
      }
      machine.y().Write(static_cast<int64_t>(r), sum);
    }
  }

 private:
  size_t most_, block_;
};

}  // namespace

// The pattern of least storage; N of it is M where there is none.
std::pair<size_t, size_t> PatternOf(const Case& c) {
  std::pair<size_t, size_t> best = {1, 1};
  size_t least_bits = 0;
  for (const size_t block : {2U, 4U, 8U, 16U, 32U}) {
    size_t most = 0;
    size_t blocks = 0;
    for (const auto& row : c.rows) {
      for (size_t k = 0; k < row.size(); k += block, ++blocks) {
        const auto begin = row.begin() + static_cast<std::ptrdiff_t>(k);
        const auto end = row.begin() + static_cast<std::ptrdiff_t>(
                                           std::min(k + block, row.size()));
        most =
            std::max(most, static_cast<size_t>(std::count_if(
                               begin, end, [](double v) { return v != 0; })));
      }
    }
    if (most >= block) continue;
    size_t index_bits = 0;
    while ((size_t{1} << index_bits) < block) ++index_bits;
    const size_t bits =
        blocks * most * (static_cast<size_t>(c.value_bits) + index_bits);
    if (best.first < best.second && bits >= least_bits) continue;
    best = {most, block};
    least_bits = bits;
  }
  return best;
}

std::unique_ptr<ExecutedFormat> NewFormat(const Case& c, StorageFormat format) {
  switch (format) {
    case StorageFormat::kDense:
      return std::make_unique<Dense>(false);
    case StorageFormat::kCsr:
      return std::make_unique<Csr>();
    case StorageFormat::kCer:
      return std::make_unique<EntropyRow>(false);
    case StorageFormat::kCser:
      return std::make_unique<EntropyRow>(true);
    case StorageFormat::kBitmap:
      return std::make_unique<Bitmap>();
    case StorageFormat::kNm:
      break;
  }
  const auto [most, block] = PatternOf(c);
  return std::make_unique<Nm>(most, block);
}

std::unique_ptr<ExecutedFormat> DenseSkipping() {
  return std::make_unique<Dense>(true);
}

}  // namespace opcost
