// SPDX-License-Identifier: Apache-2.0
#include "opcost/energy/estimate.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "opcost/support/status_macros.h"
#include "src/energy/estimator.h"
#include "src/energy/price_book.h"
#include "src/energy/remarks.h"
#include "src/energy/stored_model.h"
#include "src/energy/total_status.h"

namespace opcost {
namespace {

constexpr double kPicojoulesPerJoule = 1e12;

absl::Status TooMany(absl::string_view what) {
  return absl::OutOfRangeError(
      absl::StrCat("the model's number of ", what,
                   " doesn't fit 63 bits; reduce the input's extents"));
}

// The formats of a product's two operands; the same twice where it has one.
std::pair<NumberFormat, NumberFormat> OperandFormats(const Formats& formats,
                                                     const LayerCounts& layer,
                                                     const OperandSet& set) {
  absl::InlinedVector<NumberFormat, 2> found;
  for (uint32_t bits = set.inputs; bits != 0; bits &= bits - 1) {
    found.push_back(formats.OfInput(layer, std::countr_zero(bits)));
  }
  for (uint32_t bits = set.outputs; bits != 0; bits &= bits - 1) {
    found.push_back(formats.OfOutput(layer, std::countr_zero(bits)));
  }
  if (found.empty()) found.push_back(FormatOf(DataType::kFloat32));
  return {found[0], found.size() > 1 ? found[1] : found[0]};
}

// Adds one row's counts and energy to `sums`. False if a count doesn't fit.
bool AddRow(const PricedArith& row, Sums& sums) {
  switch (row.op) {
    case PricedOp::kAdd:
      sums.add_energy += row.energy;
      return AddChecked(sums.add, row.count);
    case PricedOp::kMac:
      sums.mul_energy += row.energy;
      return AddChecked(sums.mul, row.count) && AddChecked(sums.add, row.count);
    case PricedOp::kMul:
    case PricedOp::kFunction:
      break;
  }
  sums.mul_energy += row.energy;
  return AddChecked(sums.mul, row.count);
}

void SetTotal(Sums& sums) {
  sums.total = sums.mul_energy;
  sums.total += sums.add_energy;
  sums.total += sums.read_energy;
  sums.total += sums.write_energy;
  sums.total += Energy{sums.static_pj, sums.static_pj, sums.static_pj};
}

PricedArith ToRow(const ArithLine& line, int64_t count) {
  PricedArith row;
  row.op = line.op;
  row.function = line.function;
  row.format = line.format;
  row.second = line.second;
  row.count = count;
  row.price = line.price;
  row.energy = Times(count, *line.price);
  return row;
}

// The rate of `format`, by its type's name, else by kind and width.
const double* RateOf(const std::map<std::string, double>& rates,
                     const NumberFormat& format) {
  auto rate = rates.find(ToString(format));
  if (rate == rates.end()) {
    NumberFormat generic = format;
    generic.type = DataType::kUndefined;
    rate = rates.find(ToString(generic));
  }
  return rate == rates.end() ? nullptr : &rate->second;
}

}  // namespace

absl::StatusOr<int64_t> Estimator::AllRuns(const LayerCounts& layer,
                                           const Count& count,
                                           absl::string_view what) const {
  const Count all = count * Count(layer.times);
  if (const std::optional<int64_t> number = all.AsInt()) return *number;
  const std::string where = absl::StrCat(layer.node->op_type, " '", layer.name,
                                         "': the number of ", what);
  if (all.overflowed()) {
    return absl::OutOfRangeError(absl::StrCat(
        where, " doesn't fit 63 bits; reduce the input's extents"));
  }
  return absl::FailedPreconditionError(absl::StrCat(
      where, " is ", all.ToString(), "; give the sizes with --dim"));
}

// Counts towards the line's total, and towards the layer's row.
absl::Status Estimator::Buy(ArithLine* line, int64_t count, Lines& lines) {
  if (count == 0) return absl::OkStatus();
  if (!AddChecked(line->count, count)) return TooMany("operations");
  for (auto& [known, sum] : lines) {
    if (known != line) continue;
    return AddChecked(sum, count) ? absl::OkStatus() : TooMany("operations");
  }
  lines.emplace_back(line, count);
  return absl::OkStatus();
}

ArithLine* Estimator::MacLine(const LayerCounts& layer, const Arith& product) {
  const auto [a, b] = OperandFormats(formats_, layer, product.operands);
  return book_.Mac(a, b, formats_.OfArith(layer, product));
}

// The adds of `accumulate` that no whole MAC stands for.
absl::StatusOr<int64_t> Estimator::LooseAdds(const LayerCounts& layer,
                                             const Arith& accumulate,
                                             int64_t count) {
  for (const Arith& product : layer.counts.arith) {
    if (product.role != ArithRole::kProduct ||
        !(product.operands == accumulate.operands) ||
        MacLine(layer, product) == nullptr) {
      continue;
    }
    OPCOST_ASSIGN_OR_RETURN(const int64_t macs,
                            AllRuns(layer, product.count, "products"));
    count -= std::min(count, macs);
  }
  return count;
}

absl::Status Estimator::Collect(const LayerCounts& layer, const Arith& arith,
                                Lines& lines) {
  OPCOST_ASSIGN_OR_RETURN(int64_t count,
                          AllRuns(layer, arith.count, Name(arith.op)));
  if (arith.role == ArithRole::kProduct) {
    ArithLine* mac = MacLine(layer, arith);
    if (mac != nullptr) return Buy(mac, count, lines);
  }
  if (arith.role == ArithRole::kAccumulate) {
    OPCOST_ASSIGN_OR_RETURN(count, LooseAdds(layer, arith, count));
  }
  if (count == 0) return absl::OkStatus();
  const NumberFormat format = formats_.OfArith(layer, arith);
  if (arith.op == ArithOp::kMul || arith.op == ArithOp::kAdd) {
    OPCOST_ASSIGN_OR_RETURN(ArithLine * line,
                            book_.Operation(arith.op, format));
    return Buy(line, count, lines);
  }
  OPCOST_ASSIGN_OR_RETURN(const PriceBook::FunctionLine* function,
                          book_.Function(arith.op, format));
  if (function->line != nullptr) return Buy(function->line, count, lines);
  const auto expand = [&](ArithOp op, int64_t each) -> absl::Status {
    int64_t all = 0;
    if (__builtin_mul_overflow(count, each, &all)) return TooMany("operations");
    if (all == 0) return absl::OkStatus();
    OPCOST_ASSIGN_OR_RETURN(ArithLine * line, book_.Operation(op, format));
    return Buy(line, all, lines);
  };
  OPCOST_RETURN_IF_ERROR(expand(ArithOp::kMul, function->cost.mul));
  return expand(ArithOp::kAdd, function->cost.add);
}

absl::Status Estimator::PriceArithmetic(const LayerCounts& layer,
                                        LayerEstimate& result) {
  Lines lines;
  for (const Arith& arith : layer.counts.arith) {
    OPCOST_RETURN_IF_ERROR(Collect(layer, arith, lines));
  }
  for (const auto& [line, count] : lines) {
    result.arithmetic.push_back(ToRow(*line, count));
    if (!AddRow(result.arithmetic.back(), result.sums)) {
      return TooMany("operations");
    }
  }
  OPCOST_ASSIGN_OR_RETURN(result.sums.macs, AllRuns(layer, layer.counts.macs,
                                                    "multiply-accumulates"));
  return absl::OkStatus();
}

absl::Status Estimator::PriceTraffic(LayerTraffic&& traffic,
                                     LayerEstimate& result) {
  for (const ArrayTraffic& array : traffic) {
    PricedTraffic& row = result.traffic.emplace_back();
    row.traffic = array;
    const int64_t reads = row.traffic.reads;
    const int64_t writes = row.traffic.writes;
    OPCOST_ASSIGN_OR_RETURN(MovementLine * line,
                            book_.Movement(row.traffic.tier, row.traffic.format,
                                           reads != 0, writes != 0));
    if (!AddChecked(line->reads, reads) || !AddChecked(line->writes, writes) ||
        !AddChecked(result.sums.reads, reads) ||
        !AddChecked(result.sums.writes, writes)) {
      return TooMany("reads or writes");
    }
    if (reads != 0) {
      row.read_price = line->read_price;
      row.read = Times(reads, *line->read_price);
      result.sums.read_energy += row.read;
    }
    if (writes != 0) {
      row.write_price = line->write_price;
      row.write = Times(writes, *line->write_price);
      result.sums.write_energy += row.write;
    }
  }
  return absl::OkStatus();
}

double Estimator::MacSeconds(const LayerCounts& layer) {
  double seconds = 0;
  for (const Arith& arith : layer.counts.arith) {
    if (arith.role != ArithRole::kProduct) continue;
    const NumberFormat format = formats_.OfArith(layer, arith);
    if (!power_->needs_seconds()) break;
    const double* rate = RateOf(power_->macs_per_second, format);
    if (rate != nullptr) {
      seconds += static_cast<double>(arith.count.value()) *
                 static_cast<double>(layer.times) / *rate;
      continue;
    }
    out_.diagnostics.Warn(
        "missing-rate",
        absl::StrCat("table '", table_.name(), "' has no macs_per_second for ",
                     ToString(format),
                     ": its MACs take no time in this estimate"));
  }
  return seconds;
}

double Estimator::StaticEnergy(double seconds, double operator_runs) const {
  return seconds * power_->watts * kPicojoulesPerJoule +
         operator_runs * power_->pj_per_operator;
}

// The longest of the tiers' times. `rows` are ArrayTraffic.
template <typename Rows>
double Estimator::MovementSeconds(const Rows& rows) const {
  double longest = 0;
  for (const auto& [tier, rate] : power_->bytes_per_second) {
    double bytes = 0;
    for (const ArrayTraffic& row : rows) {
      if (row.tier != tier) continue;
      bytes +=
          (static_cast<double>(row.reads) + static_cast<double>(row.writes)) *
          row.format.width_bits / 8;
    }
    longest = std::max(longest, bytes / rate);
  }
  return longest;
}

absl::Status Estimator::PriceLayer(const LayerCounts& layer,
                                   LayerTraffic&& traffic,
                                   LayerEstimate& result) {
  result.layer = &layer;
  const bool is_unknown = layer.coverage.status == Coverage::Status::kUnknown;
  result.is_view = !is_unknown && formats_.IsView(layer);
  const bool is_counted = !is_unknown && !result.is_view;
  if (is_counted) {
    OPCOST_RETURN_IF_ERROR(PriceArithmetic(layer, result));
  }
  if (power_ != nullptr) {
    const double macs = is_counted ? MacSeconds(layer) : 0;
    mac_seconds_.push_back(macs);
    result.sums.seconds = std::max(macs, MovementSeconds(traffic));
    const double runs = is_counted ? static_cast<double>(layer.times) : 0;
    result.sums.static_pj = StaticEnergy(result.sums.seconds, runs);
    operator_runs_ += runs;
  }
  OPCOST_RETURN_IF_ERROR(PriceTraffic(std::move(traffic), result));
  SetTotal(result.sums);
  return absl::OkStatus();
}

absl::Status Estimator::AddTotals() {
  Sums& totals = out_.totals;
  for (const ArithLine& line : book_.arithmetic()) {
    if (line.count == 0) continue;
    out_.by_format.push_back(ToRow(line, line.count));
    out_.has_range |= line.price->has_range();
    if (!AddRow(out_.by_format.back(), totals)) return TooMany("operations");
  }
  out_.by_tier.resize(table_.tiers().size());
  for (const MovementLine& line : book_.movements()) {
    TierSums& tier = out_.by_tier[static_cast<size_t>(line.tier)];
    if (!AddChecked(tier.reads, line.reads) ||
        !AddChecked(tier.writes, line.writes) ||
        !AddChecked(totals.reads, line.reads) ||
        !AddChecked(totals.writes, line.writes)) {
      return TooMany("reads or writes");
    }
    if (line.read_price != nullptr) {
      const Energy energy = Times(line.reads, *line.read_price);
      tier.read_energy += energy;
      totals.read_energy += energy;
      out_.has_range |= line.read_price->has_range();
    }
    if (line.write_price != nullptr) {
      const Energy energy = Times(line.writes, *line.write_price);
      tier.write_energy += energy;
      totals.write_energy += energy;
      out_.has_range |= line.write_price->has_range();
    }
  }
  for (const LayerEstimate& layer : out_.layers) {
    if (!AddChecked(totals.macs, layer.sums.macs)) {
      return TooMany("multiply-accumulates");
    }
    totals.seconds += layer.sums.seconds;
  }
  if (power_ != nullptr) {
    totals.static_pj = StaticEnergy(totals.seconds, operator_runs_);
  }
  SetTotal(totals);
  return absl::OkStatus();
}

// The same computation, with compulsory traffic alone.
absl::Status Estimator::AddOnce(absl::Span<const TierTraffic> sums) {
  double movement_pj = 0;
  for (const TierTraffic& sum : sums) {
    if (sum.reads != 0) {
      OPCOST_ASSIGN_OR_RETURN(const Price price,
                              table_.Read(sum.tier, sum.format));
      movement_pj += Times(sum.reads, price).pj;
    }
    if (sum.writes != 0) {
      OPCOST_ASSIGN_OR_RETURN(const Price price,
                              table_.Write(sum.tier, sum.format));
      movement_pj += Times(sum.writes, price).pj;
    }
  }
  double static_pj = 0;
  if (power_ != nullptr) {
    // Seconds are a maximum per layer, so here the rows are needed.
    MemoryOptions once;
    once.movement = Movement::kOnce;
    once.array_scope = out_.options.memory.array_scope;
    OPCOST_ASSIGN_OR_RETURN(
        const std::vector<LayerTraffic> rows,
        Place(*out_.analysis, formats_, table_.tiers(), once));
    double seconds = 0;
    for (size_t i = 0; i < rows.size(); ++i) {
      seconds += std::max(mac_seconds_[i], MovementSeconds(rows[i]));
    }
    static_pj = StaticEnergy(seconds, operator_runs_);
  }
  out_.once_pj = out_.totals.mul_energy.pj + out_.totals.add_energy.pj +
                 movement_pj + static_pj;
  return absl::OkStatus();
}

absl::Status Estimator::PriceLayers(std::vector<LayerTraffic> traffic) {
  const std::vector<LayerCounts>& layers = out_.analysis->layers;
  out_.layers.resize(layers.size());
  for (size_t i = 0; i < layers.size(); ++i) {
    OPCOST_RETURN_IF_ERROR(
        PriceLayer(layers[i], std::move(traffic[i]), out_.layers[i]));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<double>> Estimator::LayerEnergies() {
  OPCOST_ASSIGN_OR_RETURN(
      std::vector<LayerTraffic> traffic,
      Place(*out_.analysis, formats_, table_.tiers(), out_.options.memory));
  OPCOST_RETURN_IF_ERROR(PriceLayers(std::move(traffic)));
  std::vector<double> energies;
  for (const LayerEstimate& layer : out_.layers) {
    energies.push_back(layer.sums.total.pj);
  }
  return energies;
}

absl::StatusOr<Estimate> Estimator::Run() {
  OPCOST_ASSIGN_OR_RETURN(
      Placement traffic,
      PlaceBoth(*out_.analysis, formats_, table_.tiers(), out_.options.memory));
  OPCOST_RETURN_IF_ERROR(PriceLayers(std::move(traffic.layers)));
  OPCOST_RETURN_IF_ERROR(AddTotals());
  OPCOST_RETURN_IF_ERROR(AddOnce(traffic.once));
  out_.status = StatusOfTotal(*out_.analysis);
  out_.prices = book_.prices();
  AddRemarks(book_, out_);
  return std::move(out_);
}

Energy Times(int64_t count, const Price& price) {
  const auto times = static_cast<double>(count);
  return {times * price.pj, times * price.min_pj, times * price.max_pj};
}

absl::string_view Name(const PricedArith& row) {
  switch (row.op) {
    case PricedOp::kMul:
      return "mul";
    case PricedOp::kAdd:
      return "add";
    case PricedOp::kMac:
      return "mac";
    case PricedOp::kFunction:
      break;
  }
  return Name(row.function);
}

absl::string_view Name(TotalStatus status) {
  constexpr absl::string_view kNames[] = {"exact", "upper-bound", "lower-bound",
                                          "indeterminate"};
  return kNames[static_cast<size_t>(status)];
}

absl::string_view Sign(TotalStatus status) {
  constexpr absl::string_view kSigns[] = {"=", "<=", ">=", "~"};
  return kSigns[static_cast<size_t>(status)];
}

absl::StatusOr<Estimate> MakeEstimate(const Analysis& analysis,
                                      const CostTable& table,
                                      const EstimateOptions& options) {
  if (options.storage.is_plain()) {
    return Estimator(analysis, table, options).Run();
  }
  OPCOST_ASSIGN_OR_RETURN(StoredModel model,
                          StoreModel(analysis, table, options));
  OPCOST_ASSIGN_OR_RETURN(Estimate estimate,
                          Estimator(*model.analysis, table, options).Run());
  estimate.stored = std::move(model.analysis);
  estimate.storage = std::move(model.layers);
  return estimate;
}

absl::StatusOr<std::vector<double>> LayerEnergies(
    const Analysis& analysis, const CostTable& table,
    const EstimateOptions& options) {
  return Estimator(analysis, table, options).LayerEnergies();
}

}  // namespace opcost
