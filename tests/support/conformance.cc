// SPDX-License-Identifier: Apache-2.0
#include "tests/support/conformance.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <set>
#include <sstream>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "onnx/onnx-data_pb.h"
#include "onnx/onnx_pb.h"
#include "opcost/analysis/analysis.h"
#include "opcost/frontend/import.h"
#include "opcost/support/status_macros.h"

namespace opcost {
namespace {

constexpr int64_t kMostBoundElements = 64;

template <typename Proto>
absl::StatusOr<Proto> ReadProto(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  Proto proto;
  if (!file.is_open() || !proto.ParseFromIstream(&file))
    return absl::NotFoundError(absl::StrCat(path, ": can't be read"));
  return proto;
}

bool IsIntegerOrBool(int32_t onnx_type) {
  const std::optional<DataType> type = DataTypeFromOnnx(onnx_type);
  return type.has_value() && (IsInteger(*type) || *type == DataType::kBool);
}

// True if `name` is an operand that says how much a Resize scales.
bool IsScale(const onnx::GraphProto& graph, const std::string& name) {
  for (const onnx::NodeProto& node : graph.node()) {
    if (node.op_type() != "Resize" && node.op_type() != "Upsample") continue;
    for (int i = 1; i < node.input_size(); ++i)
      if (node.input(i) == name) return true;
  }
  return false;
}

bool IsBound(const onnx::GraphProto& graph, const onnx::TensorProto& data,
             const std::string& name) {
  int64_t elements = 1;
  for (const int64_t dim : data.dims()) elements *= dim;
  if (elements > kMostBoundElements) return false;
  if (data.data_type() == onnx::TensorProto::STRING) return false;
  return IsIntegerOrBool(data.data_type()) || data.dims_size() == 0 ||
         IsScale(graph, name);
}

// Gives the graph's inputs what `folder` holds of them.
absl::Status BindInputs(const std::string& folder, onnx::GraphProto* graph) {
  for (int i = 0; i < graph->input_size(); ++i) {
    onnx::ValueInfoProto* input = graph->mutable_input(i);
    const std::string path = absl::StrCat(folder, "/input_", i, ".pb");
    if (!input->type().has_tensor_type() || !std::filesystem::exists(path))
      continue;
    OPCOST_ASSIGN_OR_RETURN(onnx::TensorProto data,
                            ReadProto<onnx::TensorProto>(path));
    onnx::TensorShapeProto* shape =
        input->mutable_type()->mutable_tensor_type()->mutable_shape();
    shape->clear_dim();
    for (const int64_t dim : data.dims()) shape->add_dim()->set_dim_value(dim);
    if (!IsBound(*graph, data, input->name())) continue;
    data.set_name(input->name());
    *graph->add_initializer() = std::move(data);
  }
  return absl::OkStatus();
}

ReferenceOutput TensorOutput(const onnx::TensorProto& tensor) {
  ReferenceOutput output;
  output.type =
      DataTypeFromOnnx(tensor.data_type()).value_or(DataType::kUndefined);
  output.shapes.emplace_back(tensor.dims().begin(), tensor.dims().end());
  return output;
}

ReferenceOutput SequenceOutput(const onnx::SequenceProto& sequence) {
  ReferenceOutput output;
  output.is_sequence = true;
  for (const onnx::TensorProto& element : sequence.tensor_values()) {
    output.type =
        DataTypeFromOnnx(element.data_type()).value_or(DataType::kUndefined);
    output.shapes.emplace_back(element.dims().begin(), element.dims().end());
  }
  return output;
}

absl::StatusOr<ReferenceOutput> ReadOutput(const std::string& path,
                                           const onnx::TypeProto& declared) {
  if (declared.has_tensor_type()) {
    OPCOST_ASSIGN_OR_RETURN(const auto tensor,
                            ReadProto<onnx::TensorProto>(path));
    return TensorOutput(tensor);
  }
  if (declared.has_sequence_type()) {
    OPCOST_ASSIGN_OR_RETURN(const auto sequence,
                            ReadProto<onnx::SequenceProto>(path));
    return SequenceOutput(sequence);
  }
  OPCOST_ASSIGN_OR_RETURN(const auto optional,
                          ReadProto<onnx::OptionalProto>(path));
  if (optional.has_tensor_value()) return TensorOutput(optional.tensor_value());
  return SequenceOutput(optional.sequence_value());
}

// "float32 3x4"; several shapes are a sequence's.
std::string TextOf(const ReferenceOutput& output) {
  std::vector<std::string> shapes;
  for (const std::vector<int64_t>& dims : output.shapes)
    shapes.push_back(dims.empty() ? "scalar" : absl::StrJoin(dims, "x"));
  const std::string text =
      absl::StrCat(Name(output.type), " ", absl::StrJoin(shapes, ", "));
  return output.is_sequence ? absl::StrCat("seq(", text, ")") : text;
}

// The tensor type that `type` holds, through optionals and a sequence.
const TensorType* TensorWithin(const ValueType& type, bool is_sequence) {
  const ValueType* inner = &type;
  while (inner != nullptr && inner->kind == ValueKind::kOptional)
    inner = inner->element.get();
  if (is_sequence) {
    if (inner == nullptr || inner->kind != ValueKind::kSequence) return nullptr;
    inner = inner->element.get();
  }
  if (inner == nullptr || !inner->is_tensor()) return nullptr;
  return &inner->tensor;
}

bool ElementsAgree(const Shape& inferred, const std::vector<int64_t>& dims) {
  if (!inferred.has_rank()) return true;
  if (inferred.dims().size() != dims.size()) return false;
  for (size_t axis = 0; axis < dims.size(); ++axis) {
    const Extent& extent = inferred.dims()[axis];
    if (extent.is_concrete() && !extent.Is(dims[axis])) return false;
  }
  return true;
}

bool Agree(const ValueType& inferred, const ReferenceOutput& reference) {
  const TensorType* tensor = TensorWithin(inferred, reference.is_sequence);
  if (tensor == nullptr) return false;
  if (!reference.is_sequence) {
    const std::vector<int64_t>& dims = reference.shapes[0];
    return tensor->type == reference.type &&
           tensor->shape == Shape(Dims(dims.begin(), dims.end()));
  }
  for (const std::vector<int64_t>& dims : reference.shapes)
    if (!ElementsAgree(tensor->shape, dims)) return false;
  return reference.shapes.empty() || tensor->type == reference.type;
}

// " (y#0 <= 9)", or that it is wrong, for the extents that data settle.
std::string BoundsText(const Analysis& analysis, const ValueType& inferred,
                       const ReferenceOutput& reference) {
  std::string text;
  if (!inferred.is_tensor() || !inferred.tensor.shape.has_rank() ||
      reference.is_sequence)
    return text;
  const Dims& dims = inferred.tensor.shape.dims();
  for (size_t axis = 0; axis < dims.size() && axis < reference.shapes[0].size();
       ++axis) {
    const auto bound = analysis.data_extents.find(dims[axis].ToString());
    if (bound == analysis.data_extents.end()) continue;
    const Extent& most = bound->second;
    const bool is_wrong =
        most.is_concrete() && most.value() < reference.shapes[0][axis];
    absl::StrAppend(&text, is_wrong ? " WRONG BOUND (" : " (", bound->first,
                    " <= ", most.ToString(), ")");
  }
  return text;
}

// " [NonZero: the reason]" of the first layer that isn't exact.
std::string ReasonText(const Analysis& analysis) {
  for (const LayerCounts& layer : analysis.layers) {
    if (layer.coverage.status == Coverage::Status::kExact) continue;
    return absl::StrCat(" [", layer.node->op_type, ": ", layer.coverage.reason,
                        "]");
  }
  return "";
}

}  // namespace

absl::StatusOr<ReferenceRun> LoadReferenceRun(const std::string& folder) {
  ReferenceRun run;
  OPCOST_ASSIGN_OR_RETURN(
      onnx::ModelProto proto,
      ReadProto<onnx::ModelProto>(absl::StrCat(folder, "/model.onnx")));
  const std::string data = absl::StrCat(folder, "/test_data_set_0");
  OPCOST_RETURN_IF_ERROR(BindInputs(data, proto.mutable_graph()));
  for (int o = 0; o < proto.graph().output_size(); ++o) {
    onnx::ValueInfoProto* output = proto.mutable_graph()->mutable_output(o);
    OPCOST_ASSIGN_OR_RETURN(
        ReferenceOutput reference,
        ReadOutput(absl::StrCat(data, "/output_", o, ".pb"), output->type()));
    reference.name = output->name();
    run.outputs.push_back(std::move(reference));
    if (output->type().has_tensor_type())
      output->mutable_type()->mutable_tensor_type()->clear_shape();
  }
  OPCOST_ASSIGN_OR_RETURN(run.model,
                          ImportBytes(proto.SerializeAsString(), folder));
  return run;
}

std::string DifferenceFrom(const ReferenceRun& run) {
  InputOptions options;
  options.keep_symbols = true;
  const absl::StatusOr<Analysis> analysis = Analyze(run.model, options);
  if (!analysis.ok()) return std::string(analysis.status().message());
  const Graph& graph = *analysis->graph;
  for (const ReferenceOutput& reference : run.outputs) {
    const ValueType* inferred = nullptr;
    for (const ValueIndex output : graph.outputs) {
      const auto i = static_cast<size_t>(output);
      if (graph.values[i].name == reference.name)
        inferred = &analysis->values[i].type;
    }
    if (inferred == nullptr) return absl::StrCat(reference.name, ": is lost");
    if (Agree(*inferred, reference)) continue;
    return absl::StrCat(reference.name, ": inferred ", ToString(*inferred),
                        ", returned ", TextOf(reference),
                        BoundsText(*analysis, *inferred, reference),
                        ReasonText(*analysis));
  }
  return "";
}

KnownGaps ReadKnownGaps(const std::string& path) {
  KnownGaps gaps;
  std::ifstream file(path);
  EXPECT_TRUE(file.is_open()) << path;
  std::string line;
  while (std::getline(file, line)) {
    if (line.empty() || line[0] == '#') continue;
    const size_t colon = line.find(": ");
    const bool is_new =
        colon != std::string::npos &&
        gaps.emplace(line.substr(0, colon), line.substr(colon + 2)).second;
    EXPECT_TRUE(is_new) << path << ": '" << line
                        << "' isn't a new 'name: reason'";
  }
  return gaps;
}

ConformanceTally::ConformanceTally(const KnownGaps& gaps,
                                   const std::string& prefix)
    : prefix_(prefix) {
  for (const auto& [name, reason] : gaps)
    if (absl::StartsWith(name, prefix)) open_[name] = reason;
}

void ConformanceTally::Add(const std::string& name,
                           const std::string& difference) {
  const bool is_listed = open_.erase(prefix_ + name) > 0;
  EXPECT_FALSE(absl::StrContains(difference, "WRONG BOUND"))
      << prefix_ << name << ": " << difference;
  if (difference.empty()) {
    ++exact_;
    EXPECT_FALSE(is_listed)
        << prefix_ << name << " is exact: take it off known_gaps.txt";
    return;
  }
  ++known_;
  EXPECT_TRUE(is_listed) << prefix_ << name << ": " << difference;
}

void ConformanceTally::Finish() {
  for (const auto& [name, reason] : open_)
    ADD_FAILURE() << name << " of known_gaps.txt is no case";
  std::cout << prefix_ << ": " << exact_ << " exact, " << known_
            << " known gaps\n";
}

}  // namespace opcost
