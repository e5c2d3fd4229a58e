// SPDX-License-Identifier: Apache-2.0
// Random layers as the published campaigns draw them, and what they take.
#ifndef OPCOST_TESTS_CALIBRATE_LAYERS_H_
#define OPCOST_TESTS_CALIBRATE_LAYERS_H_

#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "opcost/analysis/analysis.h"
#include "opcost/energy/cost_table.h"
#include "opcost/energy/estimate.h"
#include "opcost/frontend/import.h"
#include "opcost/frontend/layer_text.h"
#include "opcost/support/status_macros.h"

namespace opcost {

// A model with its analysis; both stay where they are.
struct AnalyzedLayer {
  std::unique_ptr<const Model> model;
  std::unique_ptr<const Analysis> analysis;
  std::string text;
};

inline absl::StatusOr<AnalyzedLayer> AnalyzeModel(Model model, std::string text,
                                                  const InputOptions& input) {
  AnalyzedLayer layer;
  layer.model = std::make_unique<const Model>(std::move(model));
  OPCOST_ASSIGN_OR_RETURN(Analysis analysis, Analyze(*layer.model, input));
  layer.analysis = std::make_unique<const Analysis>(std::move(analysis));
  layer.text = std::move(text);
  return layer;
}

inline absl::StatusOr<AnalyzedLayer> AnalyzeLayer(const std::string& text) {
  OPCOST_ASSIGN_OR_RETURN(const std::string bytes, LayerModel(text));
  OPCOST_ASSIGN_OR_RETURN(Model model, ImportBytes(bytes, "layer"));
  return AnalyzeModel(std::move(model), text, {});
}

inline std::string RandomLayer(std::mt19937& random) {
  const auto draw = [&random](int least, int most) {
    return std::uniform_int_distribution<int>(least, most)(random);
  };
  const int batch = draw(1, 16);
  const int channels = draw(1, 128);
  const int image = draw(8, 64);
  switch (draw(0, 7)) {
    case 0:
    case 1:
    case 2: {
      const int kernel = draw(1, 5);
      const int out = draw(1, 128);
      return absl::StrCat("Conv x=", batch, "x", channels, "x", image, "x",
                          image, " w=", out, "x", channels, "x", kernel, "x",
                          kernel, " b=", out, " strides=", draw(1, 2), ",1");
    }
    case 3:
    case 4: {
      const int in = draw(1, 2000);
      const int out = draw(1, 2000);
      return absl::StrCat("Linear x=", batch, "x", in, " w=", out, "x", in,
                          " b=", out);
    }
    case 5:
      return absl::StrCat("MaxPool x=", batch, "x", channels, "x", image, "x",
                          image, " kernel_shape=2,2 strides=2,2");
    case 6:
      return absl::StrCat("Relu x=", draw(100, 500000));
    default:
      return absl::StrCat(draw(0, 1) == 0 ? "Sigmoid" : "Tanh",
                          " x=", draw(100, 500000));
  }
}

}  // namespace opcost

#endif  // OPCOST_TESTS_CALIBRATE_LAYERS_H_
