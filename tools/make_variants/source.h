// SPDX-License-Identifier: Apache-2.0
// A model to make variants of: its graph in memory, its weights in their file.
#ifndef OPCOST_TOOLS_MAKE_VARIANTS_SOURCE_H_
#define OPCOST_TOOLS_MAKE_VARIANTS_SOURCE_H_

#include <onnx/onnx_pb.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "opcost/analysis/analysis.h"
#include "opcost/weights/statistics.h"
#include "src/frontend/skeleton.h"
#include "tools/make_variants/file.h"

namespace opcost::variants {

// Elements that are in memory at a time, about.
inline constexpr int64_t kPieceElements = int64_t{1} << 18;

// A tensor that the model stores. Cheap to copy.
struct Tensor {
  std::string name;
  DataType type = DataType::kUndefined;
  std::vector<int64_t> dims;
  int64_t elements = 0;
  int64_t bytes = 0;
  // Where its elements are: in `head` alone if there is no file.
  std::shared_ptr<const onnx::TensorProto> head;
  std::shared_ptr<const File> file;
  uint64_t offset = 0;
  std::shared_ptr<const std::string> kept;  // little-endian; small floats
  bool is_absent = false;  // declared, but its file isn't read (--no-weights)

  // Bytes [first, first + count). UNAVAILABLE, with file and tensor, if it
  // can't be read.
  absl::Status Read(int64_t first, int64_t count, char* out) const;
  // Calls `visit` with pieces of `multiple` elements each, or many times so
  // many: (bytes, elements). The last one may be shorter.
  using Visit = std::function<absl::Status(const char*, int64_t)>;
  absl::Status ForEachPiece(int64_t multiple, const Visit& visit) const;
};

// The constant operand of a contraction.
struct Weight {
  std::string tensor;
  std::string node;  // whose operand it is
  std::string op;
  MatrixLayout layout;
};

// What is known of a value before the graph runs.
struct ValueKnowledge {
  DataType type = DataType::kUndefined;
  bool has_shape = false;
  std::vector<int64_t> dims;  // -1: a symbol
  bool is_constant = false;
};

class Source {
 public:
  enum class Weights : uint8_t { kRead, kAbsent };
  // Errors begin with the path: those of ImportFile() and Analyze(); a weight
  // file that is missing or too short (not if they are `kAbsent`); elements
  // that aren't stored as plain bytes.
  static absl::StatusOr<std::unique_ptr<Source>> Open(const std::string& path,
                                                      Weights weights);

  const std::string& path() const { return path_; }
  bool has_weights() const { return weights_ == Weights::kRead; }
  // The model; its graph has no initializers: they are tensors(), with the
  // constants of Constant nodes of the graph that are large.
  const onnx::ModelProto& proto() const { return proto_; }
  const std::vector<Tensor>& tensors() const { return tensors_; }
  const Tensor* Find(absl::string_view name) const;
  // The floating-point constant operands of contractions, in the order of the
  // layers; a tensor once.
  const std::vector<Weight>& matrices() const { return matrices_; }
  // Of the graph's values, those of bodies excepted.
  const ValueKnowledge* FindValue(absl::string_view name) const;
  // The version of ai.onnx that the model imports.
  int64_t opset() const { return opset_; }

 private:
  Source() = default;
  absl::Status ReadProto();
  absl::Status TakeTensors();
  absl::Status AddTensor(onnx::TensorProto* proto);
  absl::Status Locate(Tensor* tensor);
  absl::Status LocateExternal(Tensor* tensor);
  absl::Status RestoreNode(onnx::NodeProto* node);
  absl::Status RestoreGraph(onnx::GraphProto* graph);
  absl::Status RestoreTensor(onnx::TensorProto* tensor);
  absl::StatusOr<std::shared_ptr<const File>> OpenFile(const std::string& path);
  absl::Status Analyse();
  void AddMatrices(const Analysis& analysis);

  std::string path_;
  Weights weights_ = Weights::kRead;
  onnx::ModelProto proto_;
  int64_t opset_ = 0;
  std::vector<CutPayload> cuts_;
  std::vector<Tensor> tensors_;
  std::map<std::string, size_t, std::less<>> by_name_;
  std::map<std::string, std::shared_ptr<const File>> files_;
  std::vector<Weight> matrices_;
  std::map<std::string, ValueKnowledge, std::less<>> values_;
};

}  // namespace opcost::variants

#endif  // OPCOST_TOOLS_MAKE_VARIANTS_SOURCE_H_
