// SPDX-License-Identifier: Apache-2.0
// Random single layers, the data that a cost table is fitted to.
#ifndef OPCOST_MEASURE_DRAW_H_
#define OPCOST_MEASURE_DRAW_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace opcost {

// Whole numbers, both ends included, each as likely as the others.
struct DrawRange {
  int64_t least = 1;
  int64_t most = 1;
};

// What the parameters of a layer are drawn from. An operator uses those that it
// has.
struct ParameterRanges {
  DrawRange batch;
  DrawRange image;     // height, and the same width
  DrawRange channels;  // in and out, drawn apart
  DrawRange kernel;    // height, and the same width
  DrawRange stride;
  DrawRange padding;   // on every side
  DrawRange features;  // of Linear and MatMul, in and out, drawn apart
  DrawRange elements;  // of an activation's input, its batch included
};

// The ranges of a file, and what a layer may be at most: draws beyond are
// rejected, and repeated.
struct LayerRanges {
  ParameterRanges ranges;
  // With what the file says of one operator alone.
  std::map<std::string, ParameterRanges> operators;
  int64_t max_bytes = 0;  // inputs, constants and outputs together, float32
  int64_t max_macs = 0;   // multiply-accumulates, or elements that windows see
};

// The TOML file that is read where the user gives none. Its ranges are those of
// Getzner, Charpentier and Guennemann, "Accuracy is not the only metric that
// matters" (ICLR 2023 workshop; arXiv 2304.00897); the limits are ours.
absl::string_view DefaultLayerRanges();

// Reads such a file; `path` names it in messages. What it leaves out is as in
// DefaultLayerRanges().
//
// Errors: INVALID_ARGUMENT with line and column.
absl::StatusOr<LayerRanges> ParseLayerRanges(absl::string_view path,
                                             absl::string_view text);

// The operators that are drawn unless others are named, in that order, and all
// that can be: DepthwiseConv is a Conv of one channel per group.
std::vector<std::string> OperatorsDrawnByDefault();
std::vector<std::string> DrawableOperators();

// One random layer: an operator of DrawableOperators(), and which of its
// layers.
struct LayerDraw {
  std::string operator_name;
  int64_t index = 0;  // from 0
};

// `counts` layers of each operator, taking turns, so that any beginning of the
// list has them all.
std::vector<LayerDraw> TakeTurns(
    const std::vector<std::pair<std::string, int64_t>>& counts);

// The layer as a line of text (docs/layer-text.md). It depends on ranges, seed,
// operator and index alone: on no other layer, machine or compiler.
//
// Errors: NOT_FOUND for an operator that can't be drawn; OUT_OF_RANGE if no
// draw of many is a layer within the limits.
absl::StatusOr<std::string> DrawLayer(const LayerRanges& ranges,
                                      const LayerDraw& draw, uint64_t seed);

}  // namespace opcost

#endif  // OPCOST_MEASURE_DRAW_H_
