// SPDX-License-Identifier: Apache-2.0
#include "src/cli/collect_run.h"

#include <map>
#include <memory>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "opcost/report/measurement.h"
#include "opcost/support/csv_reader.h"
#include "opcost/support/status_macros.h"
#include "src/report/grid.h"

namespace opcost {
namespace {

using absl::string_view;

// So many failures of the runner one after another are no accident.
constexpr size_t kMostFailuresInARow = 5;
// What rows of one collection share; their other columns differ.
constexpr string_view kShared[] = {"counter", "runner", "threads", "host"};

// What tells rows apart.
constexpr string_view kKeyColumns[] = {"model", "layer", "batch", "options"};

std::string Key(const std::vector<std::string>& parts) {
  std::string key;
  for (const std::string& part : parts) absl::StrAppend(&key, part, "\n");
  return key;
}

std::string KeyOf(const CollectItem& item) {
  return Key(
      {item.row.model, item.row.layer, item.row.batch, item.row.options});
}

std::string CellOf(const CsvDocument& document, const CsvRow& row,
                   string_view column) {
  const std::optional<size_t> place = document.FindColumn(column);
  return place.has_value() ? row.cells[*place] : "";
}

std::string KeyOf(const CsvDocument& document, const CsvRow& row) {
  std::vector<std::string> parts;
  for (const string_view column : kKeyColumns) {
    parts.push_back(CellOf(document, row, column));
  }
  return Key(parts);
}

// What the counter, the runner or the machine is at fault for, not the item.
bool ConcernsAll(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kNotFound:
      return true;
    default:
      return false;
  }
}

std::string ResultText(const Measurement& measurement) {
  return absl::StrFormat("%.4g s, %.4g J%s", measurement.seconds.mean,
                         measurement.net_joules.mean,
                         measurement.is_stable ? "" : ", not stable");
}

// Rows that are measured in different ways don't belong together.
absl::Status CheckShared(const CsvDocument& before, const std::string& path,
                         const std::string& line) {
  OPCOST_ASSIGN_OR_RETURN(
      const CsvDocument now,
      ParseCsv(path, absl::StrCat(CalibrationHeader(), line)));
  for (const CsvRow& row : before.rows) {
    for (const string_view column : kShared) {
      const std::string was = CellOf(before, row, column);
      const std::string is = CellOf(now, now.rows[0], column);
      if (was == is) continue;
      return absl::InvalidArgumentError(
          absl::StrCat(path, ":", row.line, ": this row was measured with ",
                       column, " '", was, "', but now it is '", is,
                       "'; measure as before, or write to another file"));
    }
  }
  return absl::OkStatus();
}

// Rows as they come, and failures, which are kept back until a success shows
// that it isn't the runner that fails.
class Collector {
 public:
  Collector(CollectFile& data, CollectOutcome* outcome)
      : data_(data), outcome_(*outcome) {}

  absl::Status Add(const CollectItem& item, const Measurement& measurement) {
    const std::string line = CalibrationLine(item.row, measurement);
    if (outcome_.added == 0) {
      OPCOST_RETURN_IF_ERROR(CheckShared(data_.document(), data_.path(), line));
    }
    OPCOST_RETURN_IF_ERROR(data_.Append(line));
    ++outcome_.added;
    if (!measurement.is_stable) ++outcome_.unstable;
    in_a_row_ = 0;
    return Flush();
  }

  // An error if it is one too many.
  absl::Status Fail(const CollectItem& item, const absl::Status& status) {
    kept_.push_back(&item);
    reasons_.emplace_back(status.message());
    if (absl::IsFailedPrecondition(status) &&
        ++in_a_row_ == kMostFailuresInARow) {
      return status;
    }
    if (outcome_.added > 0 || !absl::IsFailedPrecondition(status)) {
      return Flush();
    }
    return absl::OkStatus();
  }

  // Where nothing ever succeeded, the first of the failures says why.
  absl::Status End() {
    if (outcome_.added > 0 || outcome_.present > 0 || kept_.empty()) {
      return Flush();
    }
    return absl::FailedPreconditionError(reasons_[0]);
  }

 private:
  absl::Status Flush() {
    for (size_t i = 0; i < kept_.size(); ++i) {
      if (failures_ == nullptr) {
        OPCOST_ASSIGN_OR_RETURN(
            failures_,
            CollectFile::Open(FailurePath(data_.path()), FailureHeader()));
      }
      const CalibrationRow& row = kept_[i]->row;
      OPCOST_RETURN_IF_ERROR(failures_->Append(CsvLine(
          {row.model, row.layer, row.batch, row.options, reasons_[i]})));
      outcome_.failed.emplace_back(kept_[i]->Label(), reasons_[i]);
    }
    kept_.clear();
    reasons_.clear();
    return absl::OkStatus();
  }

  CollectFile& data_;
  CollectOutcome& outcome_;
  std::unique_ptr<CollectFile> failures_;
  std::vector<const CollectItem*> kept_;
  std::vector<std::string> reasons_;  // of those
  size_t in_a_row_ = 0;
};

}  // namespace

std::string FailureHeader() {
  return CsvLine({"model", "layer", "batch", "options", "reason"});
}

std::string FailurePath(const std::string& data_path) {
  string_view stem = data_path;
  if (absl::EndsWith(stem, ".csv")) stem.remove_suffix(4);
  return absl::StrCat(stem, ".failed.csv");
}

absl::StatusOr<std::vector<size_t>> ItemsLeft(const CollectPlan& plan,
                                              const CollectFile& data,
                                              const CollectFile* failures,
                                              CollectOutcome* outcome) {
  std::map<std::string, std::vector<size_t>> items;  // last first
  for (size_t i = plan.items.size(); i-- > 0;) {
    items[KeyOf(plan.items[i])].push_back(i);
  }
  std::vector<bool> is_done(plan.items.size(), false);
  const auto take = [&](const CsvDocument& document, const CsvRow& row) {
    const auto found = items.find(KeyOf(document, row));
    if (found == items.end() || found->second.empty()) return false;
    is_done[found->second.back()] = true;
    found->second.pop_back();
    return true;
  };
  for (const CsvRow& row : data.document().rows) {
    if (take(data.document(), row)) {
      ++outcome->present;
      continue;
    }
    const std::string layer = CellOf(data.document(), row, "layer");
    return absl::InvalidArgumentError(absl::StrCat(
        data.path(), ":", row.line, ": '",
        layer.empty() ? CellOf(data.document(), row, "model") : layer,
        "' is none of the rows that this command measures; give the command "
        "that began the file, or another -o"));
  }
  if (failures != nullptr) {
    for (const CsvRow& row : failures->document().rows) {
      if (take(failures->document(), row)) ++outcome->failed_before;
    }
  }
  std::vector<size_t> left;
  for (size_t i = 0; i < is_done.size(); ++i) {
    if (!is_done[i]) left.push_back(i);
  }
  return left;
}

absl::Status MeasureItems(const CollectPlan& plan,
                          const std::vector<size_t>& left,
                          const MeasureItem& measure, CollectFile& data,
                          Progress& progress, CollectOutcome* outcome) {
  Collector collector(data, outcome);
  for (const size_t i : left) {
    const CollectItem& item = plan.items[i];
    progress.Begin(item.Label());
    Measurement unstable;
    absl::StatusOr<Measurement> measured = measure(item, &unstable);
    if (absl::IsAborted(measured.status()) && !unstable.trials.empty()) {
      // It is a measurement still, and its interval says how good.
      unstable.is_stable = false;
      measured = std::move(unstable);
    }
    if (measured.ok()) {
      OPCOST_RETURN_IF_ERROR(collector.Add(item, *measured));
      progress.End(ResultText(*measured));
    } else if (ConcernsAll(measured.status())) {
      return measured.status();
    } else {
      OPCOST_RETURN_IF_ERROR(collector.Fail(item, measured.status()));
      progress.End(absl::StrCat("failed: ", measured.status().message()));
    }
  }
  return collector.End();
}

}  // namespace opcost
