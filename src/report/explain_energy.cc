// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "src/report/explain.h"
#include "src/report/grid.h"
#include "src/report/json_types.h"
#include "src/report/numbers.h"
#include "src/report/rows.h"
#include "src/report/utf8.h"

namespace opcost {
namespace {

std::string Title(absl::string_view title, const RenderOptions& options) {
  return absl::StrCat("\n", Paint(title, Style::kBold, options.color), "\n");
}

absl::string_view PriceUnit(const Estimate& estimate) {
  return estimate.table->unit() == EnergyUnit::kRelative ? "MAC" : "pJ";
}

const std::string& TierName(const Estimate& estimate,
                            const ArrayTraffic& traffic) {
  return estimate.table->tiers()[static_cast<size_t>(traffic.tier)].name;
}

std::string ArithLabel(const PricedArith& row) {
  return absl::StrCat(Name(row), " ", ArithType(row));
}

std::string TrafficLabel(const Estimate& estimate, absl::string_view verb,
                         const ArrayTraffic& traffic) {
  return absl::StrCat(verb, " ", ToString(traffic.format), " at ",
                      TierName(estimate, traffic));
}

// The elements that `bytes` are of; nullptr if no access fits.
const Access* FindAccess(const Estimate& estimate, const LayerCounts& layer,
                         const ArrayTraffic& traffic) {
  const Analysis& analysis = *estimate.analysis;
  for (const Access& access : layer.counts.accesses) {
    const bool is_input = access.side == Access::Side::kInput;
    const absl::Span<const ValueIndex> operands =
        is_input ? layer.inputs() : layer.outputs();
    const auto index = static_cast<size_t>(
        access.side == Access::Side::kScratch ? 0 : access.index);
    if (index >= operands.size()) continue;
    std::string name(ValueName(analysis, operands[index]));
    if (access.side == Access::Side::kScratch) {
      absl::StrAppend(&name, "#", access.scratch_name);
    } else if (!access.part.empty()) {
      absl::StrAppend(&name, "#", access.part);
    }
    if (name == traffic.name() && access.role == traffic.role) return &access;
  }
  return nullptr;
}

std::string SizeText(const Estimate& estimate, const LayerCounts& layer,
                     const ArrayTraffic& traffic) {
  const Access* access = FindAccess(estimate, layer, traffic);
  std::string text = absl::StrCat(Grouped(traffic.bytes), " B");
  if (access == nullptr) return text;
  const Count& elements =
      estimate.options.memory.array_scope == ArrayScope::kOperand
          ? access->operand_elements
          : access->elements;
  // Operands that are one array may share a row; then no product is shown.
  if (!elements.is_concrete() ||
      SizeInBytes(elements.value(), traffic.format.width_bits) !=
          traffic.bytes) {
    return text;
  }
  return absl::StrCat(Grouped(elements.value()), " x ",
                      traffic.format.width_bits, " bit = ", text);
}

// "> 32,768 B, <= 1,048,576 B": why the array is in its tier.
std::string PlaceText(const Estimate& estimate, const ArrayTraffic& traffic) {
  if (traffic.is_cold_read) return "--weights-from";
  const auto tiers = estimate.table->tiers();
  const auto tier = static_cast<size_t>(traffic.tier);
  std::vector<std::string> bounds;
  if (tier > 0 && tiers[tier - 1].capacity_bytes.has_value()) {
    bounds.push_back(
        absl::StrCat("> ", Grouped(*tiers[tier - 1].capacity_bytes), " B"));
  }
  if (tiers[tier].capacity_bytes.has_value()) {
    bounds.push_back(
        absl::StrCat("<= ", Grouped(*tiers[tier].capacity_bytes), " B"));
  }
  return absl::StrJoin(bounds, ", ");
}

// Each price of the layer once, in the order of use.
std::vector<std::pair<std::string, const Price*>> PricesOf(
    const Estimate& estimate, const LayerEstimate& layer) {
  std::vector<std::pair<std::string, const Price*>> prices;
  const auto add = [&prices](std::string label, const Price* price) {
    if (price == nullptr) return;
    for (const auto& known : prices) {
      if (known.first == label) return;
    }
    prices.emplace_back(std::move(label), price);
  };
  for (const PricedArith& row : layer.arithmetic) {
    add(ArithLabel(row), row.price);
  }
  for (const PricedTraffic& row : layer.traffic) {
    add(TrafficLabel(estimate, "read", row.traffic), row.read_price);
    add(TrafficLabel(estimate, "write", row.traffic), row.write_price);
  }
  return prices;
}

std::string OriginText(const Price& price) {
  std::string text = price.table;
  if (price.is_interpolated) {
    absl::StrAppend(&text, ", interpolated from ", price.entry);
  } else if (!price.entry.empty()) {
    absl::StrAppend(&text, " ", price.entry);
  }
  if (!price.source.empty()) absl::StrAppend(&text, " [", price.source, "]");
  return text;
}

}  // namespace

std::string ExplainArrays(const Estimate& estimate, const LayerEstimate& layer,
                          const RenderOptions& options) {
  if (layer.traffic.empty()) return "";
  // What is read and written stands below, with its price.
  Grid grid({{"array", false, true, 0},
             {"role", false, false, 3},
             {"format", false, false, 4},
             {"size", true, false, 1},
             {"tier", false, false, 0},
             {"for sizes", false, false, 2}});
  for (const PricedTraffic& row : layer.traffic) {
    const ArrayTraffic& traffic = row.traffic;
    grid.Add(
        {OneLine(traffic.name()), std::string(Name(traffic.role)),
         ToString(traffic.format), SizeText(estimate, *layer.layer, traffic),
         OneLine(TierName(estimate, traffic)), PlaceText(estimate, traffic)});
  }
  return absl::StrCat(Title("arrays", options),
                      grid.Text(options.width, false, 2));
}

std::string ExplainPrices(const Estimate& estimate, const LayerEstimate& layer,
                          const RenderOptions& options,
                          References& references) {
  const auto prices = PricesOf(estimate, layer);
  if (prices.empty()) return "";
  Grid grid({{"price of one", false, true, 0},
             {std::string(PriceUnit(estimate)), true, false, 0},
             {"range", false, false, 1}});
  std::vector<std::string> origins = {"from"};
  for (const auto& [label, price] : prices) {
    std::string range;
    if (price->has_range()) {
      range =
          absl::StrCat(Grouped(price->min_pj), " to ", Grouped(price->max_pj));
    }
    grid.Add({OneLine(label), Grouped(price->pj), std::move(range)});
    origins.push_back(OneLine(OriginText(*price)));
    for (const absl::string_view id :
         absl::StrSplit(price->source, ", ", absl::SkipEmpty())) {
      references.sources.insert(std::string(id));
    }
  }
  // Where a price is from may take several lines, which a grid doesn't have.
  const std::vector<std::string> lines = absl::StrSplit(
      grid.Text(options.width * 3 / 5, false), '\n', absl::SkipEmpty());
  int longest = 0;
  for (const std::string& line : lines) {
    longest = std::max(longest, CodePoints(line));
  }
  std::string out = "\n";
  for (size_t i = 0; i < lines.size(); ++i) {
    const auto blanks = static_cast<size_t>(longest - CodePoints(lines[i]) + 2);
    const std::string first = absl::StrCat(lines[i], std::string(blanks, ' '));
    absl::StrAppend(
        &out, Paint(Wrap(first, origins[i], options.width),
                    i == 0 ? Style::kBold : Style::kPlain, options.color));
  }
  return out;
}

std::string ExplainEnergy(const Estimate& estimate, const LayerEstimate& layer,
                          const RenderOptions& options) {
  const std::string unit(PriceUnit(estimate));
  Grid grid({{"energy", false, true, 0},
             {"count", true, false, 0},
             {"", false, false, 0},
             {absl::StrCat(unit, " each"), true, false, 0},
             {"", false, false, 0},
             {unit, true, false, 0}});
  const auto add = [&grid](std::string label, int64_t count, const Price* price,
                           const Energy& energy) {
    if (price == nullptr) return;
    grid.Add({std::move(label), Grouped(count), "x", Grouped(price->pj), "=",
              Grouped(energy.pj)});
  };
  for (const PricedArith& row : layer.arithmetic) {
    add(ArithLabel(row), row.count, row.price, row.energy);
  }
  for (const PricedTraffic& row : layer.traffic) {
    const std::string array = OneLine(row.traffic.name());
    add(absl::StrCat("read ", array), row.traffic.reads, row.read_price,
        row.read);
    add(absl::StrCat("write ", array), row.traffic.writes, row.write_price,
        row.write);
  }
  const Sums& sums = layer.sums;
  if (sums.static_pj > 0) {
    grid.Add({"static", "", "", "", "", Grouped(sums.static_pj)});
  }
  grid.Add({"total", "", "", "", "=", Grouped(sums.total.pj)}, Style::kBold);
  std::string out =
      absl::StrCat("\n", grid.Text(options.width, options.color, 0));
  const auto human = [&](double pj) {
    return HumanEnergy(pj, options.unit, estimate.table->unit());
  };
  const double whole_pj = estimate.totals.total.pj;
  const std::string share = Percent(sums.total.pj, whole_pj);
  absl::StrAppend(&out, "\n",
                  Wrap("",
                       absl::StrCat("that is ", human(sums.total.pj), ", ",
                                    absl::StripAsciiWhitespace(share),
                                    " % of the model's ", human(whole_pj)),
                       options.width));
  return out;
}

}  // namespace opcost
