// SPDX-License-Identifier: Apache-2.0
// From a graph to the counts of its layers.
#ifndef OPCOST_ANALYSIS_ANALYSIS_H_
#define OPCOST_ANALYSIS_ANALYSIS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "opcost/ir/graph.h"
#include "opcost/ir/node_view.h"
#include "opcost/ops/custom_operators.h"
#include "opcost/ops/op_counts.h"
#include "opcost/ops/op_def.h"
#include "opcost/support/diagnostics.h"
#include "opcost/support/sym_value.h"

namespace opcost {

// How sure a layer's counts are.
struct Coverage {
  enum class Status : uint8_t { kExact, kBound, kUnknown };
  Status status = Status::kExact;
  std::string reason;  // of a bound, or why it is unknown
  std::string remedy;  // of an unknown: what the user can do
};

// How a graph is read (cost model, section 5).
enum class GraphReading : uint8_t {
  kAsWritten,  // every node as it stands
  kFolded,     // quantised regions run as integer kernels
  kDeployed,   // what an optimising runtime leaves
};
// "as-written", "folded", "deployed".
absl::string_view Name(GraphReading reading);

// A node that a reading of the graph has drawn into another's layer.
struct FoldedNode {
  const Node* node = nullptr;
  std::string reason;  // "its scale folds into the requantisation"
};

// What a reading of the graph makes of a layer's counts, beside its node's own
// formula. The node's counts, with these terms, are the layer's.
struct FoldedTerm {
  std::string what;      // "mul", "add", "exp", "reads w_scale"
  bool is_added = true;  // false: it is in the node's counts, not the layer's
  std::string formula;   // "3*out"
  Count count;           // of one run
  std::string reason;    // "requantisation: zero point, saturation"
};

// What a layer is made of where it is more than its node: the arrays that it
// reads and writes in place of the node's own, by which its counts' operands
// go, and the nodes that it took in.
struct FoldedLayer {
  std::vector<ValueIndex> inputs;  // the node's own come first
  std::vector<ValueIndex> outputs;
  // By input: the zero point of the quantised numbers that it holds; kAbsent
  // where it has none. Shorter than `inputs`: the rest have none.
  std::vector<ValueIndex> zero_points;
  std::vector<FoldedNode> nodes;  // in graph order, without the layer's own
  std::vector<FoldedTerm> terms;
  std::string elided;  // why its copy is a view; empty: it isn't elided
};

// One layer: a node that is left after constants are folded and dead nodes are
// dropped.
struct LayerCounts {
  const Node* node = nullptr;
  const OpDef* def = nullptr;  // null for an unknown operator
  std::string name;            // unique among the layers
  int64_t times = 1;           // how often it runs
  OpCounts counts;             // of one run; empty if the status is kUnknown
  Coverage coverage;
  // Set where the reading of the graph folded nodes into this layer.
  std::shared_ptr<const FoldedLayer> folded;
  // How its constant operand is stored; in every format but dense `counts` are
  // that format's.
  StorageFormat storage = StorageFormat::kDense;

  // The values that its counts' operands stand for.
  absl::Span<const ValueIndex> inputs() const {
    if (folded != nullptr) return folded->inputs;
    return node->inputs;
  }
  absl::Span<const ValueIndex> outputs() const {
    if (folded != nullptr) return folded->outputs;
    return node->outputs;
  }
};

// What the user says of the graph's inputs.
struct InputOptions {
  // --dim: numbers for symbols.
  std::map<std::string, int64_t> dims;
  // --batch: replaces axis 0 of every graph input whose axis 0 equals the first
  // input's.
  std::optional<int64_t> batch;
  // --unbound: for every symbol that is left, except the batch.
  std::optional<int64_t> unbound;
  // --input: whole shapes of graph inputs, by name.
  std::map<std::string, std::vector<int64_t>> input_shapes;
  // Keep symbols as they are (`shapes`, `--symbolic`): nothing that is left is
  // an error, and counts may be expressions.
  bool keep_symbols = false;
  // --trip-count: how often a Loop runs, by its layer's name.
  std::map<std::string, int64_t> trip_counts;
  // --operators: the user's own, which go before opcost's; null: none.
  std::shared_ptr<const CustomOperators> operators;
  CountOptions count;
  // --graph.
  GraphReading reading = GraphReading::kFolded;
};

// A graph with all that is known before it runs. Refers to the model, which
// must outlive it.
struct Analysis {
  const Model* model = nullptr;
  // The model's graph, in which functions and the bodies of control flow are
  // inlined; `expanded` owns it if it isn't the model's own.
  const Graph* graph = nullptr;
  std::shared_ptr<const Graph> expanded;
  std::vector<ValueFacts> values;  // one for each of the graph's values
  std::vector<uint8_t> used;  // ditto: a live layer reads it, or it is returned
  std::vector<LayerCounts> layers;            // in graph order
  std::map<std::string, int64_t> bound_dims;  // what symbols were bound to
  // The most that data-dependent extents can be, by their symbols; counts take
  // those that are numbers.
  std::map<std::string, Extent> data_extents;
  CountOptions count_options;  // that the layers were counted with
  GraphReading reading = GraphReading::kFolded;      // ditto
  std::shared_ptr<const CustomOperators> operators;  // of the options
  int64_t samples = 1;  // axis 0 of the first graph input that isn't a constant
  Diagnostics diagnostics;
  // Elements and stored bytes of the constants that reach a layer as weights or
  // biases, a stored tensor once.
  int64_t parameters = 0;
  int64_t parameter_bytes = 0;

  // The graph's inputs that aren't constants.
  std::vector<ValueIndex> RealInputs() const;
};

// Binds the inputs' symbols, infers every value's type, folds constants, drops
// dead nodes and counts the layers.
//
// Errors, with node and operator: a rule that the graph breaks; a --dim or
// --input that the model lacks (NOT_FOUND, a mistake on the command line);
// symbols that stay unbound, all of them, with the --dim line that binds them
// (FAILED_PRECONDITION); a count beyond 63 bits (OUT_OF_RANGE). An operator
// that opcost doesn't know isn't an error but a layer of unknown coverage.
absl::StatusOr<Analysis> Analyze(const Model& model,
                                 const InputOptions& options);

// The same up to types and folded values: no layers are counted.
absl::StatusOr<Analysis> InferShapes(const Model& model,
                                     const InputOptions& options);

// The legend of `layer`: the numbers of its formula. The layer must be one of
// `analysis`, and not unknown.
Legend LegendOf(const Analysis& analysis, const LayerCounts& layer);

}  // namespace opcost

#endif  // OPCOST_ANALYSIS_ANALYSIS_H_
