// SPDX-License-Identifier: Apache-2.0
#include "src/cli/collect_plan.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "opcost/analysis/layer_as_text.h"
#include "opcost/frontend/import.h"
#include "opcost/frontend/layer_text.h"
#include "opcost/measure/draw.h"
#include "opcost/support/status_macros.h"
#include "src/cli/pipeline.h"

namespace opcost {
namespace {

// More than a person writes, and more than the reader takes.
constexpr size_t kMaxRangesBytes = size_t{2} << 20;

absl::StatusOr<LayerRanges> ReadRangesFile(const std::string& path) {
  if (path.empty()) return ParseLayerRanges("", "");
  errno = 0;
  std::error_code ignored;
  std::ifstream file(path, std::ios::binary);
  if (!file || std::filesystem::is_directory(path, ignored)) {
    return absl::NotFoundError(
        absl::StrCat("--ranges: can't read ", path, ": ",
                     errno == 0 ? "not a file" : std::strerror(errno)));
  }
  std::string text(kMaxRangesBytes, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  return ParseLayerRanges(path, text);
}

// What a layer's text comes to by itself.
struct LayerAlone {
  std::unique_ptr<const Model> model;
  Analysis analysis;

  const LayerCounts& layer() const { return analysis.layers[0]; }
};

absl::StatusOr<LayerAlone> AnalyzeText(const std::string& text) {
  OPCOST_ASSIGN_OR_RETURN(const std::string bytes, LayerModel(text));
  OPCOST_ASSIGN_OR_RETURN(Model model, ImportBytes(bytes, "layer"));
  LayerAlone alone;
  alone.model = std::make_unique<const Model>(std::move(model));
  OPCOST_ASSIGN_OR_RETURN(alone.analysis, Analyze(*alone.model, {}));
  if (alone.analysis.layers.size() == 1) return alone;
  return absl::InvalidArgumentError(
      absl::StrCat("layer '", text, "' does nothing when it runs"));
}

bool IsSameWork(const OpCounts& a, const OpCounts& b) {
  if (a.macs != b.macs || a.arith.size() != b.arith.size() ||
      a.accesses.size() != b.accesses.size()) {
    return false;
  }
  for (size_t i = 0; i < a.arith.size(); ++i) {
    if (a.arith[i].op != b.arith[i].op ||
        a.arith[i].count != b.arith[i].count) {
      return false;
    }
  }
  for (size_t i = 0; i < a.accesses.size(); ++i) {
    if (a.accesses[i].role != b.accesses[i].role ||
        a.accesses[i].elements != b.accesses[i].elements ||
        a.accesses[i].reads != b.accesses[i].reads ||
        a.accesses[i].writes != b.accesses[i].writes) {
      return false;
    }
  }
  return true;
}

CollectItem LayerItem(std::string text, std::string group, int64_t macs) {
  CollectItem item;
  item.row.layer = std::move(text);
  item.row.group = std::move(group);
  item.row.macs = macs;
  return item;
}

absl::Status AddRandomLayers(const CollectSources& sources, CollectPlan* plan) {
  OPCOST_ASSIGN_OR_RETURN(const LayerRanges ranges,
                          ReadRangesFile(sources.request.ranges));
  for (const LayerDraw& draw : TakeTurns(sources.request.layers)) {
    OPCOST_ASSIGN_OR_RETURN(std::string text,
                            DrawLayer(ranges, draw, sources.seed));
    OPCOST_ASSIGN_OR_RETURN(const LayerAlone alone, AnalyzeText(text));
    const int64_t macs = alone.layer().counts.macs.AsInt().value_or(0);
    plan->items.push_back(LayerItem(std::move(text), draw.operator_name, macs));
  }
  return absl::OkStatus();
}

int64_t MacsOf(const Analysis& analysis) {
  Extent macs = 0;
  for (const LayerCounts& layer : analysis.layers) {
    macs += layer.counts.macs * Extent(layer.times);
  }
  return macs.AsInt().value_or(0);
}

// The text of a layer that is worth measuring; an error says why it isn't.
absl::StatusOr<std::string> TextOf(const Analysis& analysis,
                                   const LayerCounts& layer) {
  if (layer.counts.is_view ||
      (layer.counts.arith.empty() && layer.counts.accesses.empty())) {
    return absl::UnimplementedError("it moves nothing");
  }
  OPCOST_ASSIGN_OR_RETURN(std::string text, LayerAsText(analysis, layer));
  OPCOST_ASSIGN_OR_RETURN(const LayerAlone alone, AnalyzeText(text));
  if (IsSameWork(layer.counts, alone.layer().counts)) return text;
  return absl::UnimplementedError("alone it counts otherwise");
}

// Adds the layers of a network, and a remark on those that it leaves out.
void AddLayersOf(const Analysis& analysis, const std::string& network,
                 const std::string& group, std::set<std::string>* known,
                 CollectPlan* plan) {
  std::map<std::string, std::vector<std::string>> left_out;  // by reason
  for (const LayerCounts& layer : analysis.layers) {
    absl::StatusOr<std::string> text = TextOf(analysis, layer);
    if (!text.ok()) {
      left_out[std::string(text.status().message())].push_back(layer.name);
    } else if (known->insert(*text).second) {
      const int64_t macs = layer.counts.macs.AsInt().value_or(0);
      plan->items.push_back(LayerItem(*std::move(text), group, macs));
    }
  }
  for (const auto& [reason, names] : left_out) {
    std::string remark =
        absl::StrCat(network, ": not measured alone, since ", reason, ":");
    constexpr size_t kMostNamed = 5;
    for (size_t i = 0; i < names.size() && i < kMostNamed; ++i) {
      absl::StrAppend(&remark, i == 0 ? " " : ", ", names[i]);
    }
    if (names.size() > kMostNamed) {
      absl::StrAppend(&remark, " and ", names.size() - kMostNamed, " more");
    }
    // Each batch leaves out the same.
    if (plan->remarks.empty() || plan->remarks.back() != remark) {
      plan->remarks.push_back(std::move(remark));
    }
  }
}

absl::Status AddNetwork(const CollectSources& sources, const std::string& path,
                        std::optional<int64_t> batch, const Model& model,
                        std::set<std::string>* known, CollectPlan* plan) {
  InputOptions input = sources.input;
  input.batch = batch;
  input.reading = GraphReading::kAsWritten;
  const absl::StatusOr<Analysis> analyzed = Analyze(model, input);
  if (!analyzed.ok()) return AsUsage(analyzed.status());
  const Analysis& analysis = *analyzed;
  const std::string group = std::filesystem::path(path).stem().string();
  if (sources.request.takes_whole) {
    CollectItem item;
    item.network = path;
    item.request = RequestOf(analysis);
    item.request.batch = batch;
    item.request.dims = sources.input.dims;
    const std::filesystem::path folder =
        sources.folder.empty() ? "." : sources.folder;
    std::error_code ignored;
    item.row.model =
        std::filesystem::proximate(path, folder, ignored).generic_string();
    item.row.batch = batch.has_value() ? absl::StrCat(*batch) : "";
    item.row.options = sources.input_options;
    item.row.group = group;
    item.row.macs = MacsOf(analysis);
    item.row.model_digest = model.structure_digest;
    plan->items.push_back(std::move(item));
  }
  if (sources.request.takes_layers) {
    AddLayersOf(analysis, path, group, known, plan);
  }
  return absl::OkStatus();
}

}  // namespace

std::string CollectItem::Label() const {
  if (network.empty()) return row.layer;
  std::string label = row.model;
  if (!row.batch.empty()) absl::StrAppend(&label, " --batch ", row.batch);
  if (!row.options.empty()) absl::StrAppend(&label, " ", row.options);
  return label;
}

absl::StatusOr<CollectPlan> PlanCollection(const CollectSources& sources) {
  CollectPlan plan;
  OPCOST_RETURN_IF_ERROR(AddRandomLayers(sources, &plan));
  std::vector<std::optional<int64_t>> batches(sources.request.batches.begin(),
                                              sources.request.batches.end());
  if (batches.empty()) batches.emplace_back(std::nullopt);
  for (const std::string& path : sources.networks) {
    OPCOST_ASSIGN_OR_RETURN(const Model model, ImportFile(path));
    std::set<std::string> known;
    for (const std::optional<int64_t> batch : batches) {
      OPCOST_RETURN_IF_ERROR(
          AddNetwork(sources, path, batch, model, &known, &plan));
    }
  }
  return plan;
}

}  // namespace opcost
