// SPDX-License-Identifier: Apache-2.0
// Reads the file of ranges.
#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "opcost/measure/draw.h"
#include "opcost/support/near_matches.h"
#include "opcost/support/status_macros.h"
#include "opcost/support/toml_reader.h"

namespace opcost {
namespace {

using absl::string_view;

constexpr string_view kDefault =
    R"(# What `opcost collect` draws random layers from.
#
# Each parameter is drawn uniformly from the whole numbers of its range, both
# ends included. A draw that is no valid layer, or beyond a limit, is repeated.

# The ranges of Getzner, Charpentier and Guennemann, "Accuracy is not the only
# metric that matters: estimating the energy consumption of deep learning
# models" (2023), arXiv 2304.00897.
[ranges]
batch = [1, 256]
image = [4, 224]             # height and width
channels = [1, 512]          # in and out, drawn apart
kernel = [1, 11]             # height and width
stride = [1, 5]
padding = [0, 3]             # on every side; of a pool at most half its kernel
features = [1, 5000]         # of Linear and MatMul, in and out, drawn apart
elements = [50000, 5000000]  # of an activation, its batch included

# What a layer may be at most, so that an ordinary machine isn't swamped.
[limits]
max_bytes = 2147483648   # inputs, weights and outputs together, as float32
max_macs = 100000000000  # multiply-accumulates, or elements that windows see

# Ranges of one operator alone:
# [operator.MaxPool]
# kernel = [2, 5]
)";

// Products of a few of them then fit where they are checked.
constexpr int64_t kMostOfRange = int64_t{1} << 31;

struct RangeKey {
  string_view name;
  DrawRange ParameterRanges::*field;
  int64_t least;
};
constexpr std::array<RangeKey, 8> kRangeKeys = {{
    {"batch", &ParameterRanges::batch, 1},
    {"image", &ParameterRanges::image, 1},
    {"channels", &ParameterRanges::channels, 1},
    {"kernel", &ParameterRanges::kernel, 1},
    {"stride", &ParameterRanges::stride, 1},
    {"padding", &ParameterRanges::padding, 0},
    {"features", &ParameterRanges::features, 1},
    {"elements", &ParameterRanges::elements, 1},
}};

absl::StatusOr<int64_t> ReadNumber(const TomlValue& value, int64_t least,
                                   int64_t most) {
  OPCOST_ASSIGN_OR_RETURN(const int64_t number, value.AsInteger());
  if (number >= least && number <= most) return number;
  return value.Error("expected ", least, " to ", most, ", found ", number);
}

// "[1, 5]", or "3" for nothing but 3.
absl::Status ReadRange(const TomlValue& value, int64_t least,
                       DrawRange* range) {
  if (value.kind() == TomlValue::Kind::kInteger) {
    OPCOST_ASSIGN_OR_RETURN(range->least,
                            ReadNumber(value, least, kMostOfRange));
    range->most = range->least;
    return absl::OkStatus();
  }
  OPCOST_RETURN_IF_ERROR(value.CheckIsArray());
  if (value.items().size() != 2) {
    return value.Error("a range has two ends, [least, most]; found ",
                       value.items().size());
  }
  OPCOST_ASSIGN_OR_RETURN(range->least,
                          ReadNumber(value.items()[0], least, kMostOfRange));
  OPCOST_ASSIGN_OR_RETURN(range->most,
                          ReadNumber(value.items()[1], least, kMostOfRange));
  if (range->least > range->most) {
    return value.Error("a range goes up, but ", range->least, " is above ",
                       range->most);
  }
  return absl::OkStatus();
}

absl::Status ReadRanges(const TomlValue& table, ParameterRanges* ranges) {
  OPCOST_RETURN_IF_ERROR(table.CheckIsTable());
  std::vector<string_view> names;
  names.reserve(kRangeKeys.size());
  for (const RangeKey& key : kRangeKeys) names.push_back(key.name);
  OPCOST_RETURN_IF_ERROR(table.CheckKeys(names));
  for (const RangeKey& key : kRangeKeys) {
    const TomlValue* value = table.Find(key.name);
    if (value == nullptr) continue;
    OPCOST_RETURN_IF_ERROR(ReadRange(*value, key.least, &(ranges->*key.field)));
  }
  return absl::OkStatus();
}

absl::Status ReadLimits(const TomlValue& table, LayerRanges* ranges) {
  OPCOST_RETURN_IF_ERROR(table.CheckIsTable());
  OPCOST_RETURN_IF_ERROR(table.CheckKeys({"max_bytes", "max_macs"}));
  constexpr int64_t kMost = int64_t{1} << 62;
  if (const TomlValue* value = table.Find("max_bytes")) {
    OPCOST_ASSIGN_OR_RETURN(ranges->max_bytes, ReadNumber(*value, 1, kMost));
  }
  if (const TomlValue* value = table.Find("max_macs")) {
    OPCOST_ASSIGN_OR_RETURN(ranges->max_macs, ReadNumber(*value, 1, kMost));
  }
  return absl::OkStatus();
}

absl::Status ReadOperators(const TomlValue& table, LayerRanges* ranges) {
  OPCOST_RETURN_IF_ERROR(table.CheckIsTable());
  const std::vector<std::string> known = DrawableOperators();
  for (const TomlEntry& entry : table.entries()) {
    if (std::find(known.begin(), known.end(), entry.key) == known.end()) {
      return entry.Error("no layer of '", entry.key, "' can be drawn",
                         DidYouMean(entry.key, known));
    }
    ParameterRanges& own =
        ranges->operators.emplace(entry.key, ranges->ranges).first->second;
    OPCOST_RETURN_IF_ERROR(ReadRanges(entry.value, &own));
  }
  return absl::OkStatus();
}

// Reads what `text` says into `ranges`.
absl::Status ReadFile(string_view path, string_view text, LayerRanges* ranges) {
  OPCOST_ASSIGN_OR_RETURN(const TomlValue file, TomlValue::Parse(path, text));
  OPCOST_RETURN_IF_ERROR(file.CheckKeys({"ranges", "limits", "operator"}));
  if (const TomlValue* value = file.Find("ranges")) {
    OPCOST_RETURN_IF_ERROR(ReadRanges(*value, &ranges->ranges));
  }
  if (const TomlValue* value = file.Find("limits")) {
    OPCOST_RETURN_IF_ERROR(ReadLimits(*value, ranges));
  }
  if (const TomlValue* value = file.Find("operator")) {
    OPCOST_RETURN_IF_ERROR(ReadOperators(*value, ranges));
  }
  return absl::OkStatus();
}

}  // namespace

string_view DefaultLayerRanges() { return kDefault; }

absl::StatusOr<LayerRanges> ParseLayerRanges(string_view path,
                                             string_view text) {
  LayerRanges ranges;
  OPCOST_RETURN_IF_ERROR(ReadFile("default ranges", kDefault, &ranges));
  OPCOST_RETURN_IF_ERROR(ReadFile(path, text, &ranges));
  return ranges;
}

}  // namespace opcost
