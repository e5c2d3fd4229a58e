// SPDX-License-Identifier: Apache-2.0
#include "src/frontend/tensor_import.h"

#include <bit>
#include <charconv>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "opcost/ir/element_bits.h"
#include "opcost/support/status_macros.h"
#include "src/frontend/external_path.h"
#include "src/frontend/type_import.h"

namespace opcost {
namespace {

bool HasData(const onnx::TensorProto& proto) {
  return proto.has_raw_data() || proto.float_data_size() != 0 ||
         proto.int32_data_size() != 0 || proto.string_data_size() != 0 ||
         proto.int64_data_size() != 0 || proto.double_data_size() != 0 ||
         proto.uint64_data_size() != 0;
}

// The index that the skeleton left in the place of a payload. A tensor that has
// data didn't lose any, whatever its doc_string says.
bool FindCutPayload(const onnx::TensorProto& proto, size_t* index) {
  absl::string_view doc_string = proto.doc_string();
  return absl::ConsumePrefix(&doc_string, kPayloadMark) &&
         absl::SimpleAtoi(doc_string, index) && !HasData(proto);
}

// Entries of a field that hold `elements`: those of 4 and 2 bits share bytes.
int64_t EntriesFor(int64_t elements, int width_bits) {
  if (width_bits >= 8) return elements;
  const int64_t per_byte = 8 / width_bits;
  return elements / per_byte + (elements % per_byte != 0 ? 1 : 0);
}

// Bytes that `elements` take in raw_data; Overflow() beyond 2^63 - 1.
Extent RawBytes(int64_t elements, int width_bits) {
  return Extent(EntriesFor(elements, width_bits)) *
         Extent(width_bits >= 8 ? width_bits / 8 : 1);
}

bool IsComplex(DataType type) {
  return type == DataType::kComplex64 || type == DataType::kComplex128;
}

// The field that holds the elements of a type where raw_data isn't used, and
// how many entries it has.
struct TypedField {
  absl::string_view name;
  int64_t entries;
};

TypedField TypedFieldOf(const onnx::TensorProto& proto, DataType type) {
  switch (type) {
    case DataType::kFloat32:
    case DataType::kComplex64:
      return {"float_data", proto.float_data_size()};
    case DataType::kFloat64:
    case DataType::kComplex128:
      return {"double_data", proto.double_data_size()};
    case DataType::kInt64:
      return {"int64_data", proto.int64_data_size()};
    case DataType::kUint32:
    case DataType::kUint64:
      return {"uint64_data", proto.uint64_data_size()};
    case DataType::kString:
      return {"string_data", proto.string_data_size()};
    default:
      return {"int32_data", proto.int32_data_size()};
  }
}

// Little-endian `width_bits` bits of element `i`.
uint64_t RawBits(const std::string& raw, int width_bits, size_t i) {
  if (width_bits < 8) {
    const size_t bit = i * static_cast<size_t>(width_bits);
    return static_cast<uint64_t>(static_cast<uint8_t>(raw[bit / 8])) >> bit % 8;
  }
  const size_t bytes = static_cast<size_t>(width_bits) / 8;
  uint64_t bits = 0;
  for (size_t b = bytes; b-- > 0;) {
    bits = bits << 8 | static_cast<uint8_t>(raw[i * bytes + b]);
  }
  return bits;
}

uint64_t TypedBits(const onnx::TensorProto& proto, DataType type, int i) {
  switch (type) {
    case DataType::kFloat32:
      return std::bit_cast<uint32_t>(proto.float_data(i));
    case DataType::kFloat64:
      return std::bit_cast<uint64_t>(proto.double_data(i));
    case DataType::kInt64:
      return static_cast<uint64_t>(proto.int64_data(i));
    case DataType::kUint32:
    case DataType::kUint64:
      return proto.uint64_data(i);
    default: {
      const int width_bits = WidthBits(type);
      if (width_bits >= 8) return static_cast<uint64_t>(proto.int32_data(i));
      const int per_byte = 8 / width_bits;
      return static_cast<uint64_t>(proto.int32_data(i / per_byte)) >>
             i % per_byte * width_bits;
    }
  }
}

// The elements that the skeleton kept; their number has been checked, and is
// at most 8 per payload byte. Null for strings and complex numbers.
std::shared_ptr<const TensorValue> Decode(const onnx::TensorProto& proto,
                                          DataType type, IntDims dims,
                                          int64_t count) {
  if (type == DataType::kString || IsComplex(type)) return nullptr;
  const int width_bits = WidthBits(type);
  const auto bits = [&](int64_t i) {
    return proto.has_raw_data()
               ? RawBits(proto.raw_data(), width_bits, static_cast<size_t>(i))
               : TypedBits(proto, type, static_cast<int>(i));
  };
  if (IsFloating(type)) {
    std::vector<double> elements;
    elements.reserve(static_cast<size_t>(count));
    for (int64_t i = 0; i < count; ++i) {
      elements.push_back(FloatFromBits(type, bits(i)));
    }
    return std::make_shared<const TensorValue>(
        TensorValue::Floats(type, std::move(dims), std::move(elements)));
  }
  std::vector<SymValue> elements;
  elements.reserve(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    const int64_t element = IntFromBits(type, bits(i));
    // A uint64 that no int64 holds: nobody computes shapes with such.
    if (type == DataType::kUint64 && element < 0) return nullptr;
    elements.emplace_back(element);
  }
  return std::make_shared<const TensorValue>(
      TensorValue::Integers(type, std::move(dims), std::move(elements)));
}

absl::Status WrongSize(const StoredTensor& tensor, absl::string_view has,
                       absl::string_view takes) {
  return absl::InvalidArgumentError(
      absl::StrCat("has ", has, ", but ", ToString(tensor.type), " takes ",
                   takes, "; the file is damaged, or its writer is wrong"));
}

// Data that stayed in the skeleton: checks their number and decodes them.
absl::Status ImportKept(const onnx::TensorProto& proto, int64_t count,
                        StoredTensor* tensor) {
  const DataType type = tensor->type.type;
  const int width_bits = WidthBits(type);
  if (proto.has_raw_data() && type != DataType::kString) {
    const Extent takes = RawBytes(count, width_bits);
    const auto has = static_cast<int64_t>(proto.raw_data().size());
    if (!takes.Is(has)) {
      return WrongSize(*tensor, absl::StrCat(has, " bytes of raw_data"),
                       takes.ToString());
    }
  } else {
    const TypedField field = TypedFieldOf(proto, type);
    const Extent takes =
        Extent(EntriesFor(count, width_bits)) * Extent(IsComplex(type) ? 2 : 1);
    if (!takes.Is(field.entries)) {
      return WrongSize(*tensor,
                       absl::StrCat(field.entries, " elements in ", field.name),
                       takes.ToString());
    }
  }
  IntDims dims(proto.dims().begin(), proto.dims().end());
  tensor->value = Decode(proto, type, std::move(dims), count);
  return absl::OkStatus();
}

// Data that were cut out: checks their size where it follows from the type.
absl::Status ImportCut(const CutPayload& cut, int64_t count,
                       StoredTensor* tensor) {
  constexpr uint32_t kFloatData = 1U << 4;
  constexpr uint32_t kRawData = 1U << 9;
  constexpr uint32_t kDoubleData = 1U << 10;
  const DataType type = tensor->type.type;
  const bool is_float_data =
      cut.field_mask == kFloatData &&
      (type == DataType::kFloat32 || type == DataType::kComplex64);
  const bool is_double_data =
      cut.field_mask == kDoubleData &&
      (type == DataType::kFloat64 || type == DataType::kComplex128);
  const bool is_raw_data =
      cut.field_mask == kRawData && type != DataType::kString;
  if (is_raw_data || is_float_data || is_double_data) {
    const Extent takes = RawBytes(count, WidthBits(type));
    if (!takes.is_concrete() ||
        static_cast<uint64_t>(takes.value()) != cut.total_bytes) {
      return WrongSize(*tensor, absl::StrCat(cut.total_bytes, " bytes of data"),
                       takes.ToString());
    }
  }
  tensor->payload = cut.payload;
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> ParseByteCount(absl::string_view key,
                                        const std::string& text) {
  int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || rest != end || number < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("the ", key, " of its external data is '", text,
                     "'; expected a number of bytes"));
  }
  return static_cast<uint64_t>(number);
}

absl::Status ImportExternal(const onnx::TensorProto& proto, int64_t count,
                            StoredTensor* tensor) {
  Payload& payload = tensor->payload;
  payload.place = Payload::Place::kExternal;
  absl::string_view location;
  bool has_length = false;
  for (const onnx::StringStringEntryProto& entry : proto.external_data()) {
    if (entry.key() == "location") {
      location = entry.value();
    } else if (entry.key() == "offset") {
      OPCOST_ASSIGN_OR_RETURN(payload.offset_bytes,
                              ParseByteCount("offset", entry.value()));
    } else if (entry.key() == "length") {
      OPCOST_ASSIGN_OR_RETURN(payload.length_bytes,
                              ParseByteCount("length", entry.value()));
      has_length = true;
    }
  }
  OPCOST_ASSIGN_OR_RETURN(payload.location, NormalizeExternalPath(location));
  const Extent takes = RawBytes(count, WidthBits(tensor->type.type));
  if (has_length &&
      (!takes.is_concrete() ||
       static_cast<uint64_t>(takes.value()) != payload.length_bytes)) {
    return WrongSize(
        *tensor, absl::StrCat(payload.length_bytes, " bytes of external data"),
        takes.ToString());
  }
  return absl::OkStatus();
}

// Fills `type` in place, its extents are dear to move: the shape from `dims`,
// whose product is stored in `count`.
absl::Status ImportTensorType(
    int32_t data_type, const google::protobuf::RepeatedField<int64_t>& dims,
    TensorType* type, int64_t* count) {
  OPCOST_ASSIGN_OR_RETURN(type->type, ImportDataType(data_type));
  type->shape = Shape(Dims());
  Dims& extents = type->shape.mutable_dims();
  extents.reserve(static_cast<size_t>(dims.size()));
  for (int i = 0; i < dims.size(); ++i) {
    if (dims[i] < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("dimension ", i, " is ", dims[i],
                       "; the dimensions of stored data are zero or more"));
    }
    extents.emplace_back(dims[i]);
  }
  const Extent volume = Volume(extents);
  if (!volume.is_concrete()) {
    return absl::InvalidArgumentError(
        absl::StrCat("its shape ", ToString(absl::MakeConstSpan(extents)),
                     " has more than 2^63 - 1 elements"));
  }
  *count = volume.value();
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::shared_ptr<const StoredTensor>> ImportTensor(
    const onnx::TensorProto& proto, absl::Span<const CutPayload> payloads) {
  auto tensor = std::make_shared<StoredTensor>();
  int64_t count = 0;
  OPCOST_RETURN_IF_ERROR(
      ImportTensorType(proto.data_type(), proto.dims(), &tensor->type, &count));
  size_t cut_index = 0;
  if (proto.data_location() == onnx::TensorProto::EXTERNAL) {
    OPCOST_RETURN_IF_ERROR(ImportExternal(proto, count, tensor.get()));
  } else if (!payloads.empty() && FindCutPayload(proto, &cut_index) &&
             cut_index < payloads.size()) {
    OPCOST_RETURN_IF_ERROR(ImportCut(payloads[cut_index], count, tensor.get()));
  } else {
    OPCOST_RETURN_IF_ERROR(ImportKept(proto, count, tensor.get()));
  }
  return tensor;
}

absl::StatusOr<std::shared_ptr<const StoredTensor>> ImportSparseTensor(
    const onnx::SparseTensorProto& proto,
    absl::Span<const CutPayload> payloads) {
  const auto within = [](const absl::Status& status, absl::string_view part) {
    return absl::Status(status.code(),
                        absl::StrCat("its ", part, ": ", status.message()));
  };
  const auto values = ImportTensor(proto.values(), payloads);
  if (!values.ok()) return within(values.status(), "values");
  const auto indices = ImportTensor(proto.indices(), payloads);
  if (!indices.ok()) return within(indices.status(), "indices");
  const Dims& value_dims = (*values)->type.shape.dims();
  const Dims& index_dims = (*indices)->type.shape.dims();
  if (value_dims.size() != 1 || index_dims.empty() ||
      !(index_dims[0] == value_dims[0])) {
    return absl::InvalidArgumentError(absl::StrCat(
        "its values are ", ToString(absl::MakeConstSpan(value_dims)),
        " and its indices ", ToString(absl::MakeConstSpan(index_dims)),
        "; expected one row of indices for each value"));
  }
  auto tensor = std::make_shared<StoredTensor>();
  int64_t count = 0;
  OPCOST_RETURN_IF_ERROR(ImportTensorType(proto.values().data_type(),
                                          proto.dims(), &tensor->type, &count));
  tensor->payload = (*values)->payload;
  tensor->is_sparse = true;
  return tensor;
}

}  // namespace opcost
