// SPDX-License-Identifier: Apache-2.0
// What prices are fitted to: how much of each priced thing a measured run did.
#ifndef OPCOST_CALIBRATE_ACTIVITIES_H_
#define OPCOST_CALIBRATE_ACTIVITIES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "opcost/energy/cost_table.h"
#include "opcost/energy/estimate.h"
#include "opcost/energy/table_writer.h"

namespace opcost {

enum class ActivityKind : uint8_t {
  kCompute,   // mul, add, mac of one format
  kFunction,  // exp, tanh ...
  kRead,      // of one tier
  kWrite,
  kSeconds,    // static power
  kOperators,  // dispatch
  kColumn,     // a column of the data
};

// One thing with a price. Amounts of the first four are in picojoules at the
// base table's prices, so that their price is a factor on the base; of seconds
// the price is in picojoules per second, of operators in picojoules each, of a
// column in picojoules per unit.
struct Activity {
  ActivityKind kind = ActivityKind::kCompute;
  std::string key;      // as TableChanges::factors has it; a column's name
  int tier = -1;        // kRead and kWrite alone
  NumberFormat format;  // kCompute alone, as the two below
  PricedOp op = PricedOp::kMul;
  double base_pj = 0;  // of one operation
  bool is_factor() const { return kind <= ActivityKind::kWrite; }
};

// One measured run.
struct MeasuredRow {
  std::string name;
  std::string group;  // held out together; "Conv", "vgg16"
  double joules = 0;  // measured, above 0
  std::optional<double> seconds;
  double macs = 0;
  std::vector<double> amounts;  // by activity
};

// Errors: INVALID_ARGUMENT unless `joules` is a number above 0.
absl::Status CheckJoules(double joules);

// Rows and what they did: the data of a fit. Each operation and tier that the
// base prices is an activity, also if no row has any of it.
struct CalibrationData {
  std::vector<Activity> activities;
  std::vector<MeasuredRow> rows;
  std::vector<ExtraPrice> extras;  // formats that the base interpolates
};

// Turns estimates under a base table into rows of amounts.
class ActivityCounter {
 public:
  // Errors: INVALID_ARGUMENT for a relative table, whose unit isn't joules.
  static absl::StatusOr<ActivityCounter> Make(const CostTable& base);

  // The table to estimate with: the base, but each function with a price of
  // its own, so that its evaluations are seen.
  const CostTable& table() const { return probe_; }

  // Adds `row` with the amounts of `estimate`, which was made with table(), the
  // seconds if it has some, and `columns`, as many for each row. Errors: those
  // of CheckJoules(); a layer that can't be counted (FAILED_PRECONDITION,
  // named).
  absl::Status Add(const Estimate& estimate, MeasuredRow row,
                   absl::Span<const double> columns);
  // Names the columns; before the first row.
  void NameColumns(const std::vector<std::string>& names);

  size_t rows() const { return data_.rows.size(); }  // so far
  // All rows, each with an amount for each activity.
  CalibrationData Take();

 private:
  explicit ActivityCounter(CostTable probe) : probe_(std::move(probe)) {}
  void AddPricesOf(const CostTable& base);
  size_t IndexOf(Activity activity);
  void AddAmount(MeasuredRow& row, Activity activity, double amount);
  void AddLayer(const LayerEstimate& layer, MeasuredRow& row);

  CostTable probe_;
  std::vector<std::string> columns_;
  CalibrationData data_;
};

}  // namespace opcost

#endif  // OPCOST_CALIBRATE_ACTIVITIES_H_
