// SPDX-License-Identifier: Apache-2.0
// What text and markdown both say of an estimate.
#include <algorithm>
#include <cmath>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/report/documents.h"
#include "src/report/json_types.h"
#include "src/report/utf8.h"

namespace opcost {
namespace {

constexpr size_t kMaxInputs = 6;  // of a model, that the header lists

std::string Plural(int64_t count, absl::string_view noun) {
  return absl::StrCat(count, " ", noun, count == 1 ? "" : "s");
}

std::string OpsetText(const Model& model) {
  return absl::StrJoin(
      model.opsets, ", ", [](std::string* out, const OpsetImport& opset) {
        absl::StrAppend(out, opset.domain.empty() ? "opset" : opset.domain, " ",
                        opset.version);
      });
}

std::string InputText(const Analysis& analysis) {
  std::vector<std::string> inputs;
  for (const ValueIndex input : analysis.RealInputs()) {
    inputs.push_back(absl::StrCat(
        ValueName(analysis, input), " ",
        ToString(analysis.values[static_cast<size_t>(input)].type)));
  }
  if (inputs.empty()) return "none";
  if (inputs.size() > kMaxInputs) {
    const size_t more = inputs.size() - kMaxInputs;
    inputs.resize(kMaxInputs);
    inputs.push_back(absl::StrCat(more, " more"));
  }
  return absl::StrJoin(inputs, ", ");
}

std::string FormatText(const FormatOptions& options) {
  std::string text = "as in the graph";
  if (options.bits.has_value()) {
    text = absl::StrCat("every floating-point tensor as ",
                        ToString(*options.bits));
    if (*options.bits == FloatOfWidth(8)) {
      text += " (for 8-bit integers: --bits int8)";
    }
  }
  const auto add = [&text](absl::string_view what,
                           const std::optional<NumberFormat>& format) {
    if (format.has_value()) {
      absl::StrAppend(&text, "; ", what, " ", ToString(*format));
    }
  };
  add("weights", options.weight_bits);
  add("activations", options.activation_bits);
  add("accumulators", options.accumulator_bits);
  return text;
}

std::string MemoryText(const MemoryOptions& options) {
  std::string text = options.movement == Movement::kOnce ? "once" : "per-use";
  const auto add = [&text](absl::string_view what,
                           const std::optional<Movement>& movement) {
    if (!movement.has_value()) return;
    absl::StrAppend(&text, "; ", what,
                    *movement == Movement::kOnce ? " once" : " per-use");
  };
  add("weights", options.weight_reads);
  add("inputs", options.input_reads);
  add("biases", options.bias_reads);
  absl::StrAppend(
      &text, "; array scope ",
      options.array_scope == ArrayScope::kTensor ? "tensor" : "operand");
  if (options.weights_from.has_value()) {
    absl::StrAppend(&text, "; weights from ", *options.weights_from);
  }
  return text;
}

std::string PriceText(const CostTable& table) {
  std::string text = table.name();
  if (!table.title().empty()) absl::StrAppend(&text, ": ", table.title());
  if (table.unit() == EnergyUnit::kRelative) {
    text += " (in units of one MAC, not joules)";
  }
  return text;
}

std::string GraphText(const Analysis& analysis, const StorageOptions& storage) {
  std::string text = absl::StrCat(
      Name(analysis.reading), "; padding ",
      analysis.count_options.skip_padding ? "skipped" : "counted", "; weights ",
      FormatName(storage), storage.skips_zeros ? ", zeros skipped" : "");
  if (analysis.operators != nullptr) {
    absl::StrAppend(&text, "; operators ", analysis.operators->path());
  }
  for (const auto& [name, size] : analysis.bound_dims) {
    absl::StrAppend(&text, "; ", name, "=", size);
  }
  return text;
}

// Three or four digits of "12.5 ms".
std::string DurationText(double seconds) {
  constexpr absl::string_view kUnits[] = {"s", "ms", "us", "ns"};
  size_t unit = 0;
  while (unit < 3 && seconds > 0 && seconds < 0.9995) {
    seconds *= 1000;
    ++unit;
  }
  return absl::StrCat(FixedDouble(seconds, seconds < 9.995 ? 2 : 1), " ",
                      kUnits[unit]);
}

std::string Remark(const LayerCounts& layer, absl::string_view what) {
  return absl::StrCat(OpName(*layer.node), " '", layer.name, "': ", what);
}

}  // namespace

EnergyScale ScaleOf(const Estimate& estimate, const RenderOptions& options) {
  return ScaleFor(estimate.totals.total.pj, options.unit,
                  estimate.table->unit());
}

std::string StatusText(const Analysis& analysis, TotalStatus status) {
  int64_t unknown = 0;
  int64_t bound = 0;
  for (const LayerCounts& layer : analysis.layers) {
    unknown += layer.coverage.status == Coverage::Status::kUnknown ? 1 : 0;
    bound += layer.coverage.status == Coverage::Status::kBound ? 1 : 0;
  }
  const std::string unknowns = absl::StrCat(
      Plural(unknown, "layer"), unknown == 1 ? " is" : " are", " unknown");
  const std::string bounds =
      absl::StrCat(Plural(bound, "layer"), bound == 1 ? " counts" : " count",
                   " at most this much");
  switch (status) {
    case TotalStatus::kExact:
      return "";
    case TotalStatus::kUpperBound:
      return absl::StrCat(", an upper bound: ", bounds);
    case TotalStatus::kLowerBound:
      return absl::StrCat(", a lower bound: ", unknowns);
    case TotalStatus::kIndeterminate:
      return absl::StrCat(", neither bound: ", unknowns, ", ", bounds);
  }
  return "";
}

std::string ModelLine(const Analysis& analysis, absl::string_view macs) {
  return OneLine(absl::StrCat(HumanCount(analysis.parameters), " parameters (",
                              HumanBytes(analysis.parameter_bytes), "), ", macs,
                              " MACs, ", OpsetText(*analysis.model)));
}

std::string ModelLine(const Estimate& estimate) {
  return ModelLine(*estimate.analysis, HumanCount(estimate.totals.macs));
}

std::vector<Fact> BasisOf(const Analysis& analysis, const CostTable& table,
                          const EstimateOptions& options) {
  std::vector<Fact> facts = {{"inputs", InputText(analysis)},
                             {"formats", FormatText(options.formats)},
                             {"prices", PriceText(table)},
                             {"memory", MemoryText(options.memory)},
                             {"graph", GraphText(analysis, options.storage)}};
  for (Fact& fact : facts) fact.text = OneLine(fact.text);
  return facts;
}

std::vector<Fact> BasisOf(const Estimate& estimate) {
  return BasisOf(*estimate.analysis, *estimate.table, estimate.options);
}

Grid OperationGrid(const Estimate& estimate, const EnergyScale& scale) {
  const Sums& sums = estimate.totals;
  Grid grid({{"operation", false, false, 0},
             {"count", true, false, 1},
             {scale.unit, true, false, 0},
             {"%", true, false, 2}});
  const auto add = [&](absl::string_view name, std::string count, double pj,
                       Style style) {
    grid.Add({std::string(name), std::move(count), scale.Aligned(pj),
              Percent(pj, sums.total.pj)},
             style);
  };
  // Prices differ by format, so a sum of several formats is taken apart.
  const auto add_formats = [&](bool of_adds) {
    std::vector<const PricedArith*> parts;
    for (const PricedArith& row : estimate.by_format) {
      if ((row.op == PricedOp::kAdd) == of_adds) parts.push_back(&row);
    }
    if (parts.size() < 2) return;
    for (const PricedArith* row : parts) {
      add(absl::StrCat("  ", Name(*row), " ", ArithType(*row)),
          Grouped(row->count), row->energy.pj, Style::kDim);
    }
  };
  add("mul", Grouped(sums.mul), sums.mul_energy.pj, Style::kPlain);
  add_formats(false);
  add("add", Grouped(sums.add), sums.add_energy.pj, Style::kPlain);
  add_formats(true);
  add("read", Grouped(sums.reads), sums.read_energy.pj, Style::kPlain);
  add("write", Grouped(sums.writes), sums.write_energy.pj, Style::kPlain);
  if (sums.static_pj > 0) add("static", "", sums.static_pj, Style::kPlain);
  add("total", "", sums.total.pj, Style::kBold);
  return grid;
}

Grid TierGrid(const Estimate& estimate, const EnergyScale& scale) {
  Grid grid({{"memory", false, false, 0},
             {"reads", true, false, 1},
             {"writes", true, false, 1},
             {scale.unit, true, false, 0},
             {"%", true, false, 2}});
  for (size_t i = 0; i < estimate.by_tier.size(); ++i) {
    const TierSums& sums = estimate.by_tier[i];
    const double pj = sums.read_energy.pj + sums.write_energy.pj;
    const bool is_idle = sums.reads == 0 && sums.writes == 0;
    grid.Add({OneLine(estimate.table->tiers()[i].name), Grouped(sums.reads),
              Grouped(sums.writes), scale.Aligned(pj),
              Percent(pj, estimate.totals.total.pj)},
             is_idle ? Style::kDim : Style::kPlain);
  }
  return grid;
}

std::vector<std::string> UnknownLines(const Analysis& analysis) {
  std::vector<std::string> lines;
  for (const LayerCounts& layer : analysis.layers) {
    const Coverage& coverage = layer.coverage;
    if (coverage.status != Coverage::Status::kUnknown) continue;
    lines.push_back(OneLine(absl::StrCat(Remark(layer, coverage.reason),
                                         coverage.remedy.empty() ? "" : "; ",
                                         coverage.remedy)));
  }
  return lines;
}

std::vector<std::string> BoundLines(const Analysis& analysis) {
  std::vector<std::string> lines;
  std::map<std::string, size_t> places;  // by reason, into `groups`
  std::vector<std::vector<const LayerCounts*>> groups;
  for (const LayerCounts& layer : analysis.layers) {
    const Coverage& coverage = layer.coverage;
    if (coverage.status != Coverage::Status::kBound) continue;
    const auto place = places.try_emplace(coverage.reason, groups.size());
    if (place.second) groups.emplace_back();
    groups[place.first->second].push_back(&layer);
  }
  for (const std::vector<const LayerCounts*>& group : groups) {
    std::string line = Remark(*group[0], group[0]->coverage.reason);
    if (group.size() > 1) {
      absl::StrAppend(&line, " (and ",
                      Plural(static_cast<int64_t>(group.size()) - 1, "layer"),
                      " more)");
    }
    lines.push_back(OneLine(line));
  }
  return lines;
}

std::string FactsText(const std::vector<Fact>& facts, int width) {
  size_t longest = 0;
  for (const Fact& fact : facts) longest = std::max(longest, fact.name.size());
  std::string out;
  for (const Fact& fact : facts) {
    std::string name = fact.name;
    name.resize(longest + 2, ' ');
    absl::StrAppend(&out, Wrap(name, fact.text, width));
  }
  return out;
}

std::vector<Fact> ClosingOf(const Estimate& estimate,
                            const EnergyScale& scale) {
  const Sums& sums = estimate.totals;
  const Energy& total = sums.total;
  const MemoryOptions& memory = estimate.options.memory;
  std::vector<Fact> facts;
  facts.push_back(
      {"total", absl::StrCat(Sign(estimate.status), " ", scale.Text(total.pj),
                             StatusText(*estimate.analysis, estimate.status))});
  if (estimate.has_range) {
    facts.push_back({"range", absl::StrCat(scale.Number(total.min_pj), " to ",
                                           scale.Text(total.max_pj),
                                           " by the ranges of its prices")});
  }
  const bool moves_once =
      memory.movement == Movement::kOnce &&
      memory.weight_reads.value_or(Movement::kOnce) == Movement::kOnce &&
      memory.input_reads.value_or(Movement::kOnce) == Movement::kOnce &&
      memory.bias_reads.value_or(Movement::kOnce) == Movement::kOnce &&
      !memory.weights_from.has_value();
  if (!moves_once) {
    facts.push_back({"once", absl::StrCat(scale.Text(estimate.once_pj),
                                          " if each array moved once")});
  }
  const int64_t samples = estimate.analysis->samples;
  if (samples > 1) {
    facts.push_back(
        {"per sample",
         absl::StrCat(scale.Text(total.pj / static_cast<double>(samples)), ", ",
                      samples, " samples")});
  }
  if (sums.seconds > 0) {
    facts.push_back({"time", DurationText(sums.seconds)});
  }
  if (sums.static_pj > 0) {
    facts.push_back(
        {"static", absl::StrCat(scale.Text(sums.static_pj), " of the total")});
  }
  return facts;
}

}  // namespace opcost
