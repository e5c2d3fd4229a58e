// SPDX-License-Identifier: Apache-2.0
#include "src/report/difference.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

#include "absl/strings/str_cat.h"

namespace opcost {
namespace {

using Indices = std::vector<size_t>;

constexpr size_t kNobody = static_cast<size_t>(-1);

// The partner of each row of `base` among those of `variant`: first those that
// `is_same` finds alike, in order, then the others in the order of `ranked`.
template <typename Row, typename IsSame>
Indices Partners(const std::vector<Row>& base, const std::vector<Row>& variant,
                 const Indices& base_ranks, const Indices& variant_ranks,
                 const IsSame& is_same) {
  Indices partners(base.size(), kNobody);
  std::vector<uint8_t> taken(variant.size(), 0);
  for (const size_t i : base_ranks) {
    for (const size_t j : variant_ranks) {
      if (taken[j] == 0 && is_same(base[i], variant[j])) {
        partners[i] = j;
        taken[j] = 1;
        break;
      }
    }
  }
  size_t next = 0;
  for (const size_t i : base_ranks) {
    if (partners[i] != kNobody) continue;
    while (next < variant_ranks.size() && taken[variant_ranks[next]] != 0) {
      ++next;
    }
    if (next == variant_ranks.size()) break;
    partners[i] = variant_ranks[next];
    taken[variant_ranks[next]] = 1;
  }
  return partners;
}

// Calls pair(row, row) for partners, and alone(row, sign) for the others, +1 if
// it is the variant's.
template <typename Row, typename Pair, typename Alone>
void ForPartners(const std::vector<Row>& base, const std::vector<Row>& variant,
                 const Indices& partners, const Pair& pair,
                 const Alone& alone) {
  std::vector<uint8_t> paired(variant.size(), 0);
  for (size_t i = 0; i < base.size(); ++i) {
    if (partners[i] == kNobody) {
      alone(base[i], -1);
    } else {
      pair(base[i], variant[partners[i]]);
      paired[partners[i]] = 1;
    }
  }
  for (size_t j = 0; j < variant.size(); ++j) {
    if (paired[j] == 0) alone(variant[j], 1);
  }
}

Indices All(size_t count) {
  Indices all(count);
  std::iota(all.begin(), all.end(), size_t{0});
  return all;
}

// The rows of most operations first: a contraction's products before the
// scaling of its outputs.
Indices ByCount(const std::vector<SideArithmetic>& rows) {
  Indices ranks = All(rows.size());
  std::stable_sort(ranks.begin(), ranks.end(), [&rows](size_t a, size_t b) {
    return rows[a].count > rows[b].count;
  });
  return ranks;
}

std::vector<SideTraffic> RowsOf(const std::vector<SideTraffic>& rows,
                                const std::string& role) {
  std::vector<SideTraffic> found;
  for (const SideTraffic& row : rows) {
    if (row.role == role) found.push_back(row);
  }
  return found;
}

bool HaveOneFormat(const SideArithmetic& a, const SideArithmetic& b) {
  return a.format == b.format && a.second == b.second;
}

// Whether both have the same formats: then a format's rows are partners.
bool HaveTheSameFormats(const std::vector<SideArithmetic>& a,
                        const std::vector<SideArithmetic>& b) {
  return a.size() == b.size() &&
         std::is_permutation(a.begin(), a.end(), b.begin(), HaveOneFormat);
}

void AddUnique(const std::string& text, std::vector<std::string>& texts) {
  if (std::find(texts.begin(), texts.end(), text) == texts.end()) {
    texts.push_back(text);
  }
}

SideArithmetic* LargestOf(const char* op, std::vector<SideArithmetic>& rows) {
  SideArithmetic* largest = nullptr;
  for (SideArithmetic& row : rows) {
    if (row.op == op && (largest == nullptr || row.count > largest->count)) {
      largest = &row;
    }
  }
  return largest;
}

constexpr char kMulAdd[] = "mul+add";

// Where one side pays for whole MACs and the other for their muls and adds,
// those of the other as one row: "mul+add" of the mul's format and the add's.
void BundleMacs(int64_t macs, std::vector<SideArithmetic>& rows) {
  SideArithmetic* mul = LargestOf("mul", rows);
  SideArithmetic* add = LargestOf("add", rows);
  if (macs <= 0 || mul == nullptr || add == nullptr || mul->count < macs ||
      add->count < macs) {
    return;
  }
  SideArithmetic bundle;
  bundle.op = kMulAdd;
  bundle.format = mul->format;
  bundle.second = add->format;
  bundle.count = macs;
  for (SideArithmetic* row : {mul, add}) {
    const double share = row->count == macs
                             ? row->pj
                             : row->pj * (static_cast<double>(macs) /
                                          static_cast<double>(row->count));
    bundle.pj += share;
    row->pj = row->count == macs ? 0 : row->pj - share;
    row->count -= macs;
  }
  rows.erase(
      std::remove_if(rows.begin(), rows.end(),
                     [](const SideArithmetic& row) { return row.count == 0; }),
      rows.end());
  rows.push_back(bundle);
}

bool PaysWholeMacs(const std::vector<SideArithmetic>& rows) {
  return std::any_of(rows.begin(), rows.end(),
                     [](const SideArithmetic& row) { return row.op == "mac"; });
}

// What a row's operation goes by: a MAC however it is paid for.
std::string KindOf(const SideArithmetic& row) {
  return row.op == kMulAdd ? "mac" : row.op;
}

void AddStep(const SideArithmetic& base, const SideArithmetic& variant,
             Difference& sum) {
  const bool is_one_format =
      base.op == variant.op && HaveOneFormat(base, variant);
  double counted = base.pj;
  if (is_one_format) {
    counted = variant.pj;
  } else if (base.count != variant.count) {
    // A row says what one of it costs; none counts nothing.
    counted = base.pj * (static_cast<double>(variant.count) /
                         static_cast<double>(base.count));
  }
  sum.counts += counted - base.pj;
  sum.width += variant.pj - counted;
}

void AddArithmetic(const SideLayer& base, const SideLayer& variant,
                   Difference& sum) {
  std::vector<SideArithmetic> base_rows = base.arithmetic;
  std::vector<SideArithmetic> variant_rows = variant.arithmetic;
  if (PaysWholeMacs(base_rows) != PaysWholeMacs(variant_rows)) {
    PaysWholeMacs(base_rows) ? BundleMacs(variant.macs, variant_rows)
                             : BundleMacs(base.macs, base_rows);
  }
  std::vector<std::string> kinds;
  for (const SideArithmetic& row : base_rows) AddUnique(KindOf(row), kinds);
  for (const SideArithmetic& row : variant_rows) AddUnique(KindOf(row), kinds);
  const auto of_kind = [](const std::vector<SideArithmetic>& rows,
                          const std::string& kind) {
    std::vector<SideArithmetic> found;
    for (const SideArithmetic& row : rows) {
      if (KindOf(row) == kind) found.push_back(row);
    }
    return found;
  };
  for (const std::string& kind : kinds) {
    const std::vector<SideArithmetic> a = of_kind(base_rows, kind);
    const std::vector<SideArithmetic> b = of_kind(variant_rows, kind);
    const bool by_format = HaveTheSameFormats(a, b);
    const Indices partners =
        Partners(a, b, ByCount(a), ByCount(b),
                 [by_format](const SideArithmetic& x, const SideArithmetic& y) {
                   return by_format && HaveOneFormat(x, y);
                 });
    ForPartners(
        a, b, partners,
        [&](const SideArithmetic& x, const SideArithmetic& y) {
          AddStep(x, y, sum);
        },
        [&](const SideArithmetic& row, int sign) {
          sum.counts += sign * row.pj;
        });
  }
}

}  // namespace

std::optional<double> DifferenceSplitter::ReadPrice(
    int tier, const NumberFormat& format) {
  const auto [place, is_new] =
      reads_.try_emplace(KeyOf(tier, format), std::nullopt);
  if (is_new) {
    const absl::StatusOr<Price> price = table_.Read(tier, format);
    if (price.ok()) place->second = price->pj;
  }
  return place->second;
}

std::optional<double> DifferenceSplitter::WritePrice(
    int tier, const NumberFormat& format) {
  const auto [place, is_new] =
      writes_.try_emplace(KeyOf(tier, format), std::nullopt);
  if (is_new) {
    const absl::StatusOr<Price> price = table_.Write(tier, format);
    if (price.ok()) place->second = price->pj;
  }
  return place->second;
}

std::optional<double> DifferenceSplitter::PriceOf(const SideTraffic& counts,
                                                  const NumberFormat& format,
                                                  int tier) {
  double pj = 0;
  if (counts.reads != 0) {
    const std::optional<double> price = ReadPrice(tier, format);
    if (!price.has_value()) return std::nullopt;
    pj += static_cast<double>(counts.reads) * *price;
  }
  if (counts.writes != 0) {
    const std::optional<double> price = WritePrice(tier, format);
    if (!price.has_value()) return std::nullopt;
    pj += static_cast<double>(counts.writes) * *price;
  }
  return pj;
}

void DifferenceSplitter::AddStep(const SideTraffic& base,
                                 const SideTraffic& variant, Difference& sum) {
  const bool is_one_format = base.format == variant.format;
  const bool is_one_tier = base.tier == variant.tier;
  const bool is_one_count =
      base.reads == variant.reads && base.writes == variant.writes;
  double counted = base.pj;
  if (is_one_format && is_one_tier) {
    counted = variant.pj;
  } else if (!is_one_count) {
    counted = PriceOf(variant, base.format, base.tier).value_or(base.pj);
  }
  double widened = counted;
  if (is_one_tier) {
    widened = variant.pj;
  } else if (!is_one_format) {
    widened = PriceOf(variant, variant.format, base.tier).value_or(counted);
  }
  sum.counts += counted - base.pj;
  sum.width += widened - counted;
  sum.tier += variant.pj - widened;
}

void DifferenceSplitter::AddTraffic(const SideLayer& base,
                                    const SideLayer& variant, Difference& sum) {
  std::vector<std::string> roles;
  for (const SideTraffic& row : base.traffic) AddUnique(row.role, roles);
  for (const SideTraffic& row : variant.traffic) AddUnique(row.role, roles);
  for (const std::string& role : roles) {
    const std::vector<SideTraffic> a = RowsOf(base.traffic, role);
    const std::vector<SideTraffic> b = RowsOf(variant.traffic, role);
    const Indices partners =
        Partners(a, b, All(a.size()), All(b.size()),
                 [](const SideTraffic& x, const SideTraffic& y) {
                   return x.array == y.array;
                 });
    ForPartners(
        a, b, partners,
        [&](const SideTraffic& x, const SideTraffic& y) { AddStep(x, y, sum); },
        [&](const SideTraffic& row, int sign) { sum.counts += sign * row.pj; });
  }
}

Difference DifferenceSplitter::Split(const LayerForms& base,
                                     const LayerForms& variant) {
  Difference sum;
  sum.prices =
      variant.own->energies.total - variant.at_base_prices->energies.total;
  const SideLayer* from = base.at_base_prices;
  const SideLayer* to = variant.at_base_prices;
  const bool is_one_storage = from->weight_format == to->weight_format ||
                              from->weight_format.empty() ||
                              to->weight_format.empty();
  if (!is_one_storage) {
    if (base.dense != nullptr) from = base.dense;
    if (variant.dense != nullptr) to = variant.dense;
    sum.format = (from->energies.total - base.at_base_prices->energies.total) +
                 (variant.at_base_prices->energies.total - to->energies.total);
  }
  AddArithmetic(*from, *to, sum);
  AddTraffic(*from, *to, sum);
  if (!is_one_storage && from->weight_format != to->weight_format) {
    // A saved report: what it would count, stored dense, isn't known.
    sum.format += sum.counts;
    sum.counts = 0;
  }
  sum.static_pj = to->energies.static_pj - from->energies.static_pj;
  return sum;
}

}  // namespace opcost
