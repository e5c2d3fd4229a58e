// SPDX-License-Identifier: Apache-2.0
// Writes a network down node by node, as an exporter does.
#ifndef OPCOST_TOOLS_MAKE_MODELS_GRAPH_BUILDER_H_
#define OPCOST_TOOLS_MAKE_MODELS_GRAPH_BUILDER_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tools/make_models/model_zoo.h"

namespace opcost::model_zoo {

// The name of a value of the graph.
using Name = std::string;
using Names = std::vector<Name>;
using Sizes = std::vector<int64_t>;

// A dimension that an input or output declares: a number or a symbol.
struct Dim {
  Dim(int64_t number) : size(number) {}               // NOLINT
  Dim(const char* text) : symbol(text) {}             // NOLINT
  Dim(std::string text) : symbol(std::move(text)) {}  // NOLINT
  int64_t size = 0;
  std::string symbol;  // empty: a number
};

using Attributes = std::vector<onnx::AttributeProto>;
onnx::AttributeProto Int(const std::string& name, int64_t value);
onnx::AttributeProto Ints(const std::string& name, const Sizes& values);
onnx::AttributeProto Float(const std::string& name, float value);
onnx::AttributeProto Text(const std::string& name, const std::string& value);

// Where constants go that aren't weights.
enum class Constants : uint8_t {
  kInitializers,  // one for all uses of the same elements
  kNodes,         // a Constant node for every use, as torch's exporter leaves
};

// Adds nodes in order. A node and its first output bear the name
// "<scope>/<operator>", with "_1", "_2" ... behind repeats.
class GraphBuilder {
 public:
  GraphBuilder(std::string name, int64_t opset,
               Constants constants = Constants::kInitializers);

  Name Input(const std::string& name, onnx::TensorProto::DataType type,
             const std::vector<Dim>& dims);
  // Declares that the graph returns `value`, under the name `name`.
  void Output(const Name& value, const std::string& name,
              onnx::TensorProto::DataType type, const std::vector<Dim>& dims);

  // A node of one output, which is returned.
  Name Add(const std::string& op, const Names& inputs,
           const Attributes& attributes = {});
  // A node of several outputs.
  Names AddMany(const std::string& op, const Names& inputs, int outputs,
                const Attributes& attributes = {});
  // A node of the domain com.microsoft, which is imported. Of its outputs it
  // has those with the numbers `outputs`, which are returned.
  Names AddContrib(const std::string& op, const Names& inputs,
                   const std::vector<int>& outputs,
                   const Attributes& attributes = {});

  // A 1-D int64 constant, and scalar ones.
  Name Integers(const Sizes& elements);
  Name Integer(int64_t element);
  Name Real(float element);
  // Learnt, called `name` whatever the scope; `fan_in` as for Weight.
  Name Learnt(const std::string& name, Sizes dims, Fill fill = Fill::kHe,
              int64_t fan_in = 1);
  // A table that training doesn't change: no parameter.
  Name Table(const std::string& name, Sizes dims);

  // Until it ends, nodes are named with "/<name>" behind the scope they have.
  class Scope {
   public:
    Scope(GraphBuilder* builder, const std::string& name);
    ~Scope() { builder_->scope_.resize(outer_); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    GraphBuilder* builder_;
    size_t outer_;
  };

  Network Finish();

 private:
  onnx::NodeProto* AddNode(const std::string& op, const Names& inputs,
                           int outputs, const Attributes& attributes);
  std::string UniqueName(const std::string& op);
  Name Constant(const std::string& name, onnx::TensorProto tensor);

  Network network_;
  Constants constants_;
  std::string scope_;
  std::map<std::string, int> repeats_;          // of names
  std::map<std::string, Name> constant_names_;  // by their content
};

}  // namespace opcost::model_zoo

#endif  // OPCOST_TOOLS_MAKE_MODELS_GRAPH_BUILDER_H_
