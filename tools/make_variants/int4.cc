// SPDX-License-Identifier: Apache-2.0
#include "tools/make_variants/int4.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "opcost/support/status_macros.h"
#include "tools/make_variants/elements.h"
#include "tools/make_variants/graph_edit.h"

namespace opcost::variants {
namespace {

constexpr int kBits = 4;
constexpr int kZero = 8;  // the code of 0
constexpr int kMaxCode = 15;

// A matrix of `n` rows of `k` elements, stored so or transposed.
struct Matrix {
  const Tensor* tensor = nullptr;
  int64_t n = 0;
  int64_t k = 0;
  bool is_transposed = false;
};

using VisitRow = std::function<void(const std::vector<double>&)>;

// Calls `visit` with rows in order, as many in memory as a piece holds.
template <typename Format>
absl::Status ForEachRow(const Matrix& matrix, const VisitRow& visit) {
  using Bits = typename Format::Bits;
  constexpr auto kWidth = static_cast<int64_t>(sizeof(Bits));
  const int64_t rows =
      std::clamp<int64_t>(4 * kPieceElements / matrix.k, 1, matrix.n);
  std::string panel(static_cast<size_t>(rows * matrix.k * kWidth), '\0');
  std::vector<double> row(static_cast<size_t>(matrix.k));
  for (int64_t first = 0; first < matrix.n; first += rows) {
    const int64_t here = std::min(rows, matrix.n - first);
    if (!matrix.is_transposed) {
      OPCOST_RETURN_IF_ERROR(matrix.tensor->Read(
          first * matrix.k * kWidth, here * matrix.k * kWidth, panel.data()));
    }
    for (int64_t k = 0; matrix.is_transposed && k < matrix.k; ++k) {
      OPCOST_RETURN_IF_ERROR(
          matrix.tensor->Read((k * matrix.n + first) * kWidth, here * kWidth,
                              panel.data() + k * here * kWidth));
    }
    for (int64_t r = 0; r < here; ++r) {
      for (int64_t k = 0; k < matrix.k; ++k) {
        const int64_t at =
            matrix.is_transposed ? k * here + r : r * matrix.k + k;
        row[static_cast<size_t>(k)] =
            Format::Load(BitsAt<Bits>(panel.data(), at));
      }
      visit(row);
    }
  }
  return absl::OkStatus();
}

absl::Status VisitRows(const Matrix& matrix, const VisitRow& visit) {
  return WithFloat(matrix.tensor->type, [&](auto format) {
    return ForEachRow<decltype(format)>(matrix, visit);
  });
}

double ScaleOf(const double* block, int64_t count) {
  double extreme = 0;
  for (int64_t i = 0; i < count; ++i)
    if (std::fabs(block[i]) > std::fabs(extreme)) extreme = block[i];
  return extreme / -kZero;
}

int CodeOf(double x, double scale) {
  if (scale == 0) return kZero;
  const double code = std::nearbyint(x / scale) + kZero;
  return static_cast<int>(std::clamp<double>(code, 0, kMaxCode));
}

absl::Status WriteCodes(const Matrix& matrix, int64_t block, Sink* sink) {
  const int64_t blocks = (matrix.k + block - 1) / block;
  std::string packed;
  return VisitRows(matrix, [&](const std::vector<double>& row) {
    packed.clear();
    for (int64_t b = 0; b < blocks; ++b) {
      const int64_t count = std::min(block, matrix.k - b * block);
      const double* elements = row.data() + b * block;
      const double scale = ScaleOf(elements, count);
      for (int64_t i = 0; i < block; i += 2) {
        const int low = i < count ? CodeOf(elements[i], scale) : kZero;
        const int high = i + 1 < count ? CodeOf(elements[i + 1], scale) : kZero;
        packed.push_back(static_cast<char>(low | high << kBits));
      }
    }
    sink->Write(packed.data(), static_cast<int64_t>(packed.size()));
  });
}

absl::Status WriteScales(const Matrix& matrix, int64_t block, Sink* sink) {
  return VisitRows(matrix, [&](const std::vector<double>& row) {
    for (int64_t k = 0; k < matrix.k; k += block) {
      const double scale =
          ScaleOf(row.data() + k, std::min(block, matrix.k - k));
      WithFloat(matrix.tensor->type, [&](auto format) {
        const auto bits = format.Store(scale);
        sink->Write(reinterpret_cast<const char*>(&bits), sizeof(bits));
      });
    }
  });
}

class Int4Maker {
 public:
  Int4Maker(const Source& source, int64_t block)
      : source_(source), block_(block) {}

  absl::StatusOr<NewModel> Make();

 private:
  // Whether the node becomes a MatMulNBits; notes why not, where that may
  // surprise.
  bool IsReplaced(const onnx::NodeProto& node, Matrix* matrix);
  void Replace(const onnx::NodeProto& node, const Matrix& matrix);
  void AddTensors(const Matrix& matrix);
  void Note(const onnx::NodeProto& node, absl::string_view why) {
    model_.notes.push_back(absl::StrCat(node.op_type(), " '", LabelOf(node),
                                        "' keeps its weights: ", why));
  }

  const Source& source_;
  int64_t block_;
  NewModel model_;
  std::set<std::string> made_;  // matrices whose tensors are there
  google::protobuf::RepeatedPtrField<onnx::NodeProto> nodes_;
  int replaced_ = 0;
  int convolutions_ = 0;
};

bool Int4Maker::IsReplaced(const onnx::NodeProto& node, Matrix* matrix) {
  const bool is_gemm = node.op_type() == "Gemm";
  if (!IsOnnx(node)) return false;
  const Tensor* tensor = source_.Find(InputOf(node, 1));
  if (tensor == nullptr || !IsPlainFloat(tensor->type)) return false;
  if (node.op_type() == "Conv" || node.op_type() == "ConvTranspose") {
    ++convolutions_;
    return false;
  }
  if (!is_gemm && node.op_type() != "MatMul") return false;
  if (tensor->dims.size() != 2 || tensor->elements == 0 ||
      tensor->type == DataType::kFloat64) {
    Note(node, "they aren't one matrix of at most 32 bits");
    return false;
  }
  if (is_gemm &&
      (IntOf(node, "transA", 0) != 0 || FloatOf(node, "alpha", 1) != 1 ||
       (!InputOf(node, 2).empty() && FloatOf(node, "beta", 1) != 1))) {
    Note(node, "alpha and beta must be 1, and transA 0");
    return false;
  }
  matrix->tensor = tensor;
  matrix->is_transposed = !is_gemm || IntOf(node, "transB", 0) == 0;
  matrix->n = tensor->dims[matrix->is_transposed ? 1 : 0];
  matrix->k = tensor->dims[matrix->is_transposed ? 0 : 1];
  return true;
}

void Int4Maker::AddTensors(const Matrix& matrix) {
  const std::string& name = matrix.tensor->name;
  if (!made_.insert(name).second) return;
  const int64_t blocks = (matrix.k + block_ - 1) / block_;
  NewTensor codes =
      Declare(name + "_Q4", DataType::kUint8, {matrix.n, blocks, block_ / 2});
  NewTensor scales =
      Declare(name + "_scales", matrix.tensor->type, {matrix.n * blocks});
  codes.is_absent = scales.is_absent = matrix.tensor->is_absent;
  codes.fill = [matrix, block = block_](Sink* sink) {
    return WriteCodes(matrix, block, sink);
  };
  scales.fill = [matrix, block = block_](Sink* sink) {
    return WriteScales(matrix, block, sink);
  };
  model_.tensors.push_back(std::move(codes));
  model_.tensors.push_back(std::move(scales));
}

void Int4Maker::Replace(const onnx::NodeProto& node, const Matrix& matrix) {
  AddTensors(matrix);
  const std::string& name = matrix.tensor->name;
  const std::string c =
      node.op_type() == "Gemm" ? InputOf(node, 2) : std::string();
  const Tensor* bias = source_.Find(c);
  const bool has_bias =
      bias != nullptr && bias->dims == std::vector<int64_t>{matrix.n};
  const bool has_add = !c.empty() && !has_bias;
  const std::string product =
      has_add ? node.output(0) + "_product" : node.output(0);
  onnx::NodeProto* made = nodes_.Add();
  *made = MakeNode("MatMulNBits", node.name(),
                   {node.input(0), name + "_Q4", name + "_scales"}, product);
  made->set_domain("com.microsoft");
  if (has_bias) {
    made->add_input("");  // zero points
    made->add_input("");  // g_idx
    made->add_input(c);
  }
  SetInt(made, "K", matrix.k);
  SetInt(made, "N", matrix.n);
  SetInt(made, "bits", kBits);
  SetInt(made, "block_size", block_);
  if (has_add) {
    *nodes_.Add() =
        MakeNode("Add", node.name().empty() ? "" : node.name() + "_C",
                 {product, c}, node.output(0));
  }
  ++replaced_;
}

absl::StatusOr<NewModel> Int4Maker::Make() {
  model_.proto = source_.proto();
  for (const Tensor& tensor : source_.tensors())
    model_.tensors.push_back(Copy(tensor));
  onnx::GraphProto& graph = *model_.proto.mutable_graph();
  for (onnx::NodeProto& node : *graph.mutable_node()) {
    Matrix matrix;
    if (IsReplaced(node, &matrix)) {
      Replace(node, matrix);
    } else {
      nodes_.Add()->Swap(&node);
    }
  }
  if (replaced_ == 0) {
    return absl::InvalidArgumentError(
        "no MatMul or Gemm has a stored float matrix that MatMulNBits could "
        "take; --int8 quantises other operators");
  }
  graph.mutable_node()->Swap(&nodes_);
  model_.notes.push_back(absl::StrCat(
      replaced_, " matrices in int4; ", convolutions_,
      " convolutions keep their weights, since MatMulNBits knows none"));
  const auto& imports = model_.proto.opset_import();
  if (std::none_of(imports.begin(), imports.end(), [](const auto& import) {
        return import.domain() == "com.microsoft";
      })) {
    onnx::OperatorSetIdProto* import = model_.proto.add_opset_import();
    import->set_domain("com.microsoft");
    import->set_version(1);
  }
  DropUnused(&model_);
  return std::move(model_);
}

}  // namespace

absl::StatusOr<NewModel> MakeInt4(const Source& source, int64_t block) {
  return Int4Maker(source, block).Make();
}

}  // namespace opcost::variants
