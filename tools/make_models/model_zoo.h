// SPDX-License-Identifier: Apache-2.0
// Well-known networks as ONNX models.
#ifndef OPCOST_TOOLS_MAKE_MODELS_MODEL_ZOO_H_
#define OPCOST_TOOLS_MAKE_MODELS_MODEL_ZOO_H_

#include <onnx/onnx_pb.h>

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace opcost::model_zoo {

// How the elements of a tensor are made where they are written.
enum class Fill : uint8_t {
  kHe,    // about normal, with a variance of 2 / fan-in (He et al. 2015)
  kBias,  // about normal, with a variance of 1 / fan-in / 3 (as PyTorch's)
  kZero,
  kOne,
};

// A float32 tensor that the network has learnt, or the statistics it keeps.
struct Weight {
  std::string name;
  std::vector<int64_t> dims;
  Fill fill = Fill::kZero;
  int64_t fan_in = 1;         // products that one output sums
  bool is_statistic = false;  // a running mean or variance: no parameter

  int64_t Elements() const;
};

// A network: its graph, and apart from it the weights, of which a file holds
// either the elements or the place in an absent file.
struct Network {
  std::string name;
  onnx::ModelProto model;
  std::vector<Weight> weights;

  // Elements of the weights, running statistics not counted.
  int64_t Parameters() const;
};

// The names of all networks, sorted.
std::vector<std::string> NetworkNames();

// NOT_FOUND, with the known names, if there is no such network.
absl::StatusOr<Network> MakeNetwork(absl::string_view name);

enum class Weights : uint8_t {
  kAbsent,  // declared as external data in "<name>.weights", which isn't
            // written
  kWritten,
};

// Writes the network as one ONNX file. The same bytes on every machine; needs
// memory for the largest tensor alone. UNAVAILABLE if the stream fails.
absl::Status Write(const Network& network, Weights weights, std::ostream* out);

}  // namespace opcost::model_zoo

#endif  // OPCOST_TOOLS_MAKE_MODELS_MODEL_ZOO_H_
