// SPDX-License-Identifier: Apache-2.0
#include "src/cli/calibration_rows.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "opcost/frontend/import.h"
#include "opcost/frontend/layer_text.h"
#include "opcost/support/csv_reader.h"
#include "opcost/support/near_matches.h"
#include "opcost/support/status_macros.h"
#include "src/cli/pipeline.h"
#include "src/cli/sides.h"

namespace opcost {
namespace {

using absl::string_view;

// More rows than any campaign measures.
constexpr size_t kMaxCsvBytes = size_t{256} << 20;

absl::StatusOr<std::string> ReadText(const std::string& path) {
  std::error_code ignored;
  std::ifstream file(path, std::ios::binary);
  if (!file || std::filesystem::is_directory(path, ignored)) {
    return absl::NotFoundError(absl::StrCat("can't read ", path));
  }
  const auto size = std::filesystem::file_size(path, ignored);
  if (!ignored && size > kMaxCsvBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": ", size, " bytes; expected at most ",
                     kMaxCsvBytes, " of measurements"));
  }
  return std::string{std::istreambuf_iterator<char>(file), {}};
}

void AddDistinct(const std::string& text, std::vector<std::string>& list) {
  if (text.empty()) return;
  if (std::find(list.begin(), list.end(), text) == list.end()) {
    list.push_back(text);
  }
}

// Words with blanks between; those in single quotes hold blanks.
std::vector<std::string> WordsOf(string_view text) {
  std::vector<std::string> words;
  bool is_quoted = false;
  bool is_open = false;  // the last word may go on
  for (const char c : text) {
    const bool is_blank = c == ' ' || c == '\t';
    if (is_blank && !is_quoted) {
      is_open = false;
      continue;
    }
    if (!is_open) words.emplace_back();
    is_open = true;
    if (c == '\'') {
      is_quoted = !is_quoted;
    } else {
      words.back() += c;
    }
  }
  return words;
}

// "--dim N=3 --graph deployed" as a side of a comparison has it:
// "dim=N=3,graph=deployed".
absl::StatusOr<std::string> AsSideOptions(string_view options) {
  std::vector<std::string> parts;
  for (const std::string& word : WordsOf(options)) {
    string_view name = word;
    if (absl::ConsumePrefix(&name, "--")) {
      parts.emplace_back(name);
    } else if (parts.empty() || parts.back().find('=') != std::string::npos) {
      return absl::InvalidArgumentError(absl::StrCat(
          "options: '", word, "' belongs to no option; expected --NAME VALUE"));
    } else {
      absl::StrAppend(&parts.back(), "=", word);
    }
  }
  return absl::StrJoin(parts, ",");
}

// One file of measurements.
class MeasurementFile {
 public:
  MeasurementFile(const std::string& path, const CommandLine& line,
                  const CliEnvironment& environment, ActivityCounter& counter,
                  CalibrationOrigin& origin)
      : path_(path),
        folder_(std::filesystem::path(path).parent_path()),
        line_(line),
        environment_(environment),
        counter_(counter),
        origin_(origin) {}

  absl::Status Add(string_view text) {
    OPCOST_ASSIGN_OR_RETURN(document_, ParseCsv(path_, text));
    OPCOST_RETURN_IF_ERROR(CheckColumns());
    for (const CsvRow& row : document_.rows) {
      if (!IsWanted(row)) continue;
      const absl::Status status = AddRow(row);
      if (!status.ok()) {
        return absl::Status(
            status.code(),
            absl::StrCat(path_, ":", row.line, ": ", status.message()));
      }
    }
    return absl::OkStatus();
  }

 private:
  absl::Status CheckColumns() const {
    const auto require = [this](string_view name) {
      if (document_.FindColumn(name).has_value()) return absl::OkStatus();
      return absl::InvalidArgumentError(
          absl::StrCat(path_, ":1: no column '", name, "'",
                       DidYouMean(std::string(name), document_.header)));
    };
    OPCOST_RETURN_IF_ERROR(require("joules"));
    for (const std::string& feature : line_.calibrate.features) {
      OPCOST_RETURN_IF_ERROR(require(feature));
    }
    for (const auto& [column, value] : line_.calibrate.conditions) {
      OPCOST_RETURN_IF_ERROR(require(column));
    }
    if (document_.FindColumn("model").has_value() ||
        document_.FindColumn("layer").has_value()) {
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError(absl::StrCat(
        path_,
        ":1: neither a column 'model' (a file) nor 'layer' (a layer as "
        "text); expected one or both"));
  }

  bool IsWanted(const CsvRow& row) const {
    for (const auto& [column, value] : line_.calibrate.conditions) {
      if (Cell(row, column) != value) return false;
    }
    return true;
  }

  std::string Cell(const CsvRow& row, string_view column) const {
    const std::optional<size_t> i = document_.FindColumn(column);
    return i.has_value() ? row.cells[*i] : std::string();
  }

  absl::StatusOr<double> Number(const CsvRow& row, string_view column) const {
    const std::string text = Cell(row, column);
    double number = 0;
    if (!absl::SimpleAtod(text, &number) || !std::isfinite(number)) {
      return absl::InvalidArgumentError(
          absl::StrCat(column, ": '", text, "' is not a number"));
    }
    return number;
  }

  absl::StatusOr<std::string> OptionsOf(const CsvRow& row) const {
    OPCOST_ASSIGN_OR_RETURN(const std::string own,
                            AsSideOptions(Cell(row, "options")));
    std::vector<std::string> parts;
    for (const string_view name : {"bits", "batch"}) {
      const std::string value = Cell(row, name);
      if (!value.empty()) parts.push_back(absl::StrCat(name, "=", value));
    }
    if (!own.empty()) parts.push_back(own);
    return absl::StrJoin(parts, ",");
  }

  absl::StatusOr<Model> ModelOf(const std::string& model,
                                const std::string& layer) const {
    if (model.empty() == layer.empty()) {
      return absl::InvalidArgumentError(
          "expected either a model's file or a layer's text");
    }
    if (!model.empty()) {
      return ImportModel((folder_ / model).string(), environment_);
    }
    OPCOST_ASSIGN_OR_RETURN(const std::string bytes, LayerModel(layer));
    return ImportBytes(bytes, "layer");
  }

  static std::string GroupOf(const std::string& model,
                             const std::string& layer) {
    if (!model.empty()) return std::filesystem::path(model).stem().string();
    return layer.substr(0, layer.find(' '));
  }

  absl::Status AddRow(const CsvRow& row) {
    const std::string model_path = Cell(row, "model");
    const std::string layer = Cell(row, "layer");
    OPCOST_ASSIGN_OR_RETURN(Model model, ModelOf(model_path, layer));
    MeasuredRow result;
    OPCOST_ASSIGN_OR_RETURN(const std::string options, OptionsOf(row));
    result.name = absl::StrCat(model_path.empty() ? layer : model_path,
                               options.empty() ? "" : "@", options);
    result.group = Cell(row, "group");
    if (result.group.empty()) result.group = GroupOf(model_path, layer);
    OPCOST_ASSIGN_OR_RETURN(result.joules, Number(row, "joules"));
    if (!Cell(row, "seconds").empty()) {
      OPCOST_ASSIGN_OR_RETURN(result.seconds, Number(row, "seconds"));
    }
    std::vector<double> columns;
    for (const std::string& feature : line_.calibrate.features) {
      OPCOST_ASSIGN_OR_RETURN(columns.emplace_back(), Number(row, feature));
    }
    CommandLine own = line_;
    if (!options.empty()) {
      OPCOST_ASSIGN_OR_RETURN(own, LineOfSide(line_, {options, "", options}));
    }
    OPCOST_ASSIGN_OR_RETURN(const InputOptions input, InputOf(own));
    OPCOST_ASSIGN_OR_RETURN(const Analysis analysis, Analyze(model, input));
    OPCOST_ASSIGN_OR_RETURN(
        const Estimate estimate,
        MakeEstimate(analysis, counter_.table(), own.estimate));
    AddDistinct(Cell(row, "host"), origin_.hosts);
    AddDistinct(Cell(row, "counter"), origin_.counters);
    return counter_.Add(estimate, std::move(result), columns);
  }

  const std::string& path_;
  std::filesystem::path folder_;
  const CommandLine& line_;
  const CliEnvironment& environment_;
  ActivityCounter& counter_;
  CalibrationOrigin& origin_;
  CsvDocument document_;
};

}  // namespace

absl::Status AddMeasurements(const std::string& path, const CommandLine& line,
                             const CliEnvironment& environment,
                             ActivityCounter& counter,
                             CalibrationOrigin& origin, std::string& texts) {
  OPCOST_ASSIGN_OR_RETURN(const std::string text, ReadText(path));
  OPCOST_RETURN_IF_ERROR(
      MeasurementFile(path, line, environment, counter, origin).Add(text));
  texts += text;
  return absl::OkStatus();
}

}  // namespace opcost
