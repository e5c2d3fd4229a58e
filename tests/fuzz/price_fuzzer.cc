// SPDX-License-Identifier: Apache-2.0
// From any bytes to a report: import, analysis, placement, pricing, rendering.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/strings/string_view.h"
#include "opcost/opcost.h"

namespace {

const opcost::CostTable& Table() {
  static const absl::StatusOr<opcost::CostTable>& table =
      *new absl::StatusOr<opcost::CostTable>(
          opcost::TableLibrary().Load("horowitz-45nm"));
  if (!table.ok()) std::abort();
  return *table;
}

void PriceAndRender(const opcost::Analysis& analysis,
                    const opcost::EstimateOptions& options) {
  const absl::StatusOr<opcost::Estimate> estimate =
      opcost::MakeEstimate(analysis, Table(), options);
  if (!estimate.ok()) return;
  // Energies are finite and not negative, whatever the model.
  const double total = estimate->totals.total.pj;
  if (!std::isfinite(total) || total < 0) std::abort();
  opcost::RenderOptions render;
  opcost::RenderEstimate(*estimate, render);
  render.format = opcost::Format::kJson;
  opcost::RenderEstimate(*estimate, render);
  if (!opcost::Explain(*estimate, "", {}).ok()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<opcost::Model> model =
      opcost::ImportBytes(bytes, "fuzz.onnx");
  if (!model.ok()) return 0;
  opcost::InputOptions symbols;
  symbols.keep_symbols = true;
  const absl::StatusOr<opcost::Analysis> shapes =
      opcost::InferShapes(*model, symbols);
  if (shapes.ok()) opcost::RenderShapes(*shapes, {});
  opcost::InputOptions inputs;
  inputs.unbound = 3;
  const absl::StatusOr<opcost::Analysis> analysis =
      opcost::Analyze(*model, inputs);
  if (!analysis.ok()) return 0;
  PriceAndRender(*analysis, {});
  inputs.reading = opcost::GraphReading::kDeployed;
  const absl::StatusOr<opcost::Analysis> deployed =
      opcost::Analyze(*model, inputs);
  if (deployed.ok()) PriceAndRender(*deployed, {});
  opcost::EstimateOptions options;
  options.formats.bits = opcost::ParseNumberFormat("int8");
  options.memory.array_scope = opcost::ArrayScope::kOperand;
  options.memory.weights_from = "DRAM";
  PriceAndRender(*analysis, options);
  return 0;
}
