// SPDX-License-Identifier: Apache-2.0
// opcost collect.
#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <ostream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "opcost/frontend/layer_text.h"
#include "opcost/measure/draw.h"
#include "opcost/support/status_macros.h"
#include "src/cli/collect_file.h"
#include "src/cli/collect_plan.h"
#include "src/cli/collect_run.h"
#include "src/cli/commands.h"
#include "src/cli/measured_run.h"
#include "src/cli/output.h"
#include "src/cli/progress.h"

namespace opcost {
namespace {

constexpr int64_t kDefaultLayers = 300;

// A folder of its own that goes when this does.
class TemporaryFolder {
 public:
  static absl::StatusOr<std::unique_ptr<TemporaryFolder>> Make() {
    std::error_code error;
    std::string path =
        (std::filesystem::temp_directory_path(error) / "opcost-collect-XXXXXX")
            .string();
    if (error || mkdtemp(path.data()) == nullptr) {
      return absl::UnknownError(absl::StrCat("can't make a folder ", path));
    }
    return std::make_unique<TemporaryFolder>(path);
  }
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string Inside(const std::string& name) const {
    return absl::StrCat(path_, "/", name);
  }

 private:
  std::string path_;
};

// The networks' options as the user wrote them: "--dim N=3".
std::string InputOptionsText(const CommandLine& line) {
  std::vector<std::string> options;
  for (const GivenOption& given : line.given) {
    const absl::string_view flag = given.row->long_flag();
    if (flag != "--dim" && flag != "--unbound" && flag != "--input") continue;
    options.push_back(absl::StrCat(flag, " ", given.value));
  }
  return absl::StrJoin(options, " ");
}

absl::StatusOr<CollectPlan> PlanOf(const CommandLine& line) {
  CollectSources sources;
  sources.request = line.collect;
  if (!sources.request.has_layers && line.operands.empty()) {
    sources.request.layers = ShareOut(kDefaultLayers);
  }
  sources.seed = line.measure.session.seed;
  sources.networks = line.operands;
  sources.input = line.input;
  sources.input_options = InputOptionsText(line);
  sources.folder = std::filesystem::path(line.output).parent_path().string();
  return PlanCollection(sources);
}

// Measures the items left, with a runner that is started for the first.
absl::Status Measure(const CommandLine& line, const CliEnvironment& environment,
                     const CollectPlan& plan, const std::vector<size_t>& left,
                     CollectFile& data, CollectOutcome* outcome) {
  OPCOST_ASSIGN_OR_RETURN(
      const std::unique_ptr<MeasuringSession> session,
      MeasuringSession::Open(line.measure.session, environment));
  OPCOST_RETURN_IF_ERROR(session->StartRunner());
  OPCOST_ASSIGN_OR_RETURN(const std::unique_ptr<TemporaryFolder> folder,
                          TemporaryFolder::Make());
  const MeasureItem measure =
      [&](const CollectItem& item,
          Measurement* unstable) -> absl::StatusOr<Measurement> {
    if (!item.network.empty()) {
      return session->Measure(item.network, item.request, unstable);
    }
    const std::string path = folder->Inside("layer.onnx");
    OPCOST_ASSIGN_OR_RETURN(const std::string bytes,
                            LayerModel(item.row.layer));
    OPCOST_RETURN_IF_ERROR(WriteFile(path, bytes));
    return session->Measure(path, item.request, unstable);
  };
  const bool is_quiet = line.render.verbosity < 0;
  const auto clock = [] {
    return std::chrono::duration<double>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
  };
  Progress progress(
      is_quiet ? nullptr : environment.err,
      environment.err_is_terminal ? environment.terminal_width : 0,
      static_cast<int64_t>(plan.items.size()), clock);
  progress.Skip(outcome->present + outcome->failed_before);
  const absl::Status status =
      MeasureItems(plan, left, measure, data, progress, outcome);
  progress.Finish();
  return status;
}

std::string Plural(int64_t count, absl::string_view what) {
  return absl::StrCat(count, " ", what, count == 1 ? "" : "s");
}

std::string SummaryOf(const std::string& path, const CollectOutcome& outcome) {
  std::string text =
      absl::StrCat(path, ": ", Plural(outcome.present + outcome.added, "row"),
                   ", ", outcome.added, " of them new");
  if (outcome.unstable > 0) {
    absl::StrAppend(&text, ", ", outcome.unstable,
                    " not stable (joules_half_width says how much)");
  }
  absl::StrAppend(&text, "\n");
  if (!outcome.failed.empty()) {
    absl::StrAppend(&text,
                    Plural(static_cast<int64_t>(outcome.failed.size()), "item"),
                    " failed, and are in ", FailurePath(path), ":\n");
  }
  for (const auto& [label, reason] : outcome.failed) {
    absl::StrAppend(&text, "  ", label, ": ", reason, "\n");
  }
  if (outcome.failed_before > 0) {
    absl::StrAppend(&text, Plural(outcome.failed_before, "item"),
                    " failed before; without ", FailurePath(path),
                    " they are tried again\n");
  }
  return text;
}

absl::StatusOr<ExitStatus> Collect(const CommandLine& line,
                                   const CliEnvironment& environment,
                                   const CollectPlan& plan) {
  if (line.output.empty() || line.output == "-") {
    return UsageError(
        "-o DATA.csv is missing: the file that rows are appended to, and that "
        "a collection which was interrupted goes on with");
  }
  OPCOST_ASSIGN_OR_RETURN(const std::unique_ptr<CollectFile> data,
                          CollectFile::Open(line.output, CalibrationHeader()));
  CollectOutcome outcome;
  std::vector<size_t> left;
  {
    std::unique_ptr<CollectFile> failures;
    const std::string path = FailurePath(line.output);
    std::error_code ignored;
    if (std::filesystem::exists(path, ignored)) {
      OPCOST_ASSIGN_OR_RETURN(failures,
                              CollectFile::Open(path, FailureHeader()));
    }
    OPCOST_ASSIGN_OR_RETURN(left,
                            ItemsLeft(plan, *data, failures.get(), &outcome));
  }
  absl::Status status;
  if (!left.empty()) {
    status = Measure(line, environment, plan, left, *data, &outcome);
  }
  if (!status.ok() && !IsNotMeasured(status)) return status;
  OPCOST_RETURN_IF_ERROR(
      WriteStream(*environment.out, SummaryOf(line.output, outcome)));
  if (status.ok()) return kDone;
  *environment.err << "opcost: " << status.message() << '\n';
  return kNotMeasured;
}

}  // namespace

absl::StatusOr<ExitStatus> RunCollect(const CommandLine& line,
                                      const CliEnvironment& environment) {
  if (line.collect.prints_ranges) {
    OPCOST_RETURN_IF_ERROR(WriteStream(*environment.out, DefaultLayerRanges()));
    return kDone;
  }
  OPCOST_ASSIGN_OR_RETURN(const CollectPlan plan, PlanOf(line));
  if (line.render.verbosity >= 0) {
    for (const std::string& remark : plan.remarks) {
      *environment.err << "note: " << remark << '\n';
    }
  }
  if (!line.collect.lists) return Collect(line, environment, plan);
  std::string list;
  for (const CollectItem& item : plan.items) {
    absl::StrAppend(&list, item.Label(), "\n");
  }
  OPCOST_RETURN_IF_ERROR(WriteStream(*environment.out, list));
  return kDone;
}

}  // namespace opcost
