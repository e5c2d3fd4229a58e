// SPDX-License-Identifier: Apache-2.0
// Any line as a layer: refused with a reason, or a model that is read,
// analysed, and said as a layer's text again that counts the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/strings/string_view.h"
#include "opcost/analysis/layer_as_text.h"
#include "opcost/frontend/layer_text.h"
#include "opcost/opcost.h"

namespace {

absl::StatusOr<opcost::Model> ModelOf(absl::string_view text) {
  const absl::StatusOr<std::string> bytes = opcost::LayerModel(text);
  if (!bytes.ok()) {
    if (!absl::IsInvalidArgument(bytes.status())) std::abort();
    return bytes.status();
  }
  return opcost::ImportBytes(*bytes, "layer");
}

// What was made of one layer is one layer, of the same multiply-accumulates.
void SayAgain(const opcost::Analysis& analysis) {
  if (analysis.layers.size() != 1) return;
  const opcost::LayerCounts& layer = analysis.layers[0];
  const absl::StatusOr<std::string> text = opcost::LayerAsText(analysis, layer);
  if (!text.ok()) return;
  if (text->size() > opcost::kMaxLayerTextBytes) return;
  const absl::StatusOr<opcost::Model> model = ModelOf(*text);
  if (!model.ok()) std::abort();
  const absl::StatusOr<opcost::Analysis> again = opcost::Analyze(*model, {});
  if (!again.ok() || again->layers.size() != 1) std::abort();
  if (again->layers[0].counts.macs != layer.counts.macs) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<opcost::Model> model = ModelOf(text);
  if (!model.ok()) return 0;
  const absl::StatusOr<opcost::Analysis> analysis = opcost::Analyze(*model, {});
  if (analysis.ok()) SayAgain(*analysis);
  return 0;
}
