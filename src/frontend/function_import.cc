// SPDX-License-Identifier: Apache-2.0
#include "src/frontend/function_import.h"

#include <climits>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "google/protobuf/arena.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/unknown_field_set.h"
#include "opcost/support/status_macros.h"

namespace opcost {
namespace {

using google::protobuf::UnknownField;

// Fields of FunctionProto that are newer than ONNX 1.12 (onnx-ml.proto).
constexpr int kDefaults = 11;
constexpr int kValueInfo = 12;
constexpr int kOverload = 13;

// Merges the bytes of an unknown field.
bool ParseField(const std::string& bytes, google::protobuf::Message* message) {
  google::protobuf::io::CodedInputStream stream(
      reinterpret_cast<const uint8_t*>(bytes.data()),
      static_cast<int>(bytes.size()));
  stream.SetRecursionLimit(kMaxMessageDepth);
  return message->MergeFromCodedStream(&stream) &&
         stream.ConsumedEntireMessage();
}

absl::Status Unreadable(absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat(what, " can't be read; the file is corrupt"));
}

absl::Status ImportDefault(const std::string& bytes,
                           const ModelContext& context, Function* function) {
  onnx::AttributeProto proto;
  if (!ParseField(bytes, &proto)) return Unreadable("a default attribute");
  absl::StatusOr<Attribute> attribute = ImportAttribute(proto, context);
  if (!attribute.ok()) {
    return absl::Status(attribute.status().code(),
                        absl::StrCat("attribute '", proto.name(),
                                     "': ", attribute.status().message()));
  }
  function->defaults.push_back(*std::move(attribute));
  return absl::OkStatus();
}

absl::Status ImportNewerFields(const onnx::FunctionProto& proto,
                               const ModelContext& context,
                               onnx::GraphProto* body, Function* function) {
  const google::protobuf::UnknownFieldSet& fields = proto.unknown_fields();
  for (int i = 0; i < fields.field_count(); ++i) {
    const UnknownField& field = fields.field(i);
    if (field.type() != UnknownField::TYPE_LENGTH_DELIMITED) continue;
    const std::string& bytes = field.length_delimited();
    if (field.number() == kOverload) function->overload = bytes;
    if (field.number() == kValueInfo &&
        !ParseField(bytes, body->add_value_info())) {
      return Unreadable("the type of a value");
    }
    if (field.number() == kDefaults) {
      OPCOST_RETURN_IF_ERROR(ImportDefault(bytes, context, function));
    }
  }
  return absl::OkStatus();
}

void AddMissing(absl::Span<const OpsetImport> more,
                std::vector<OpsetImport>* opsets) {
  for (const OpsetImport& opset : more) {
    bool is_known = false;
    for (const OpsetImport& known : *opsets) {
      is_known = is_known || known.domain == opset.domain;
    }
    if (!is_known) opsets->push_back(opset);
  }
}

absl::Status ImportFunction(onnx::FunctionProto* proto,
                            const ModelContext& context, Function* function) {
  if (proto->name().empty()) {
    return absl::InvalidArgumentError("it has no name");
  }
  function->attributes.assign(proto->attribute().begin(),
                              proto->attribute().end());
  OPCOST_ASSIGN_OR_RETURN(function->opsets,
                          ImportOpsets(proto->opset_import(), "it"));
  AddMissing(context.opsets, &function->opsets);
  // A body is a graph whose inputs and outputs have names alone.
  auto* body = google::protobuf::Arena::CreateMessage<onnx::GraphProto>(
      proto->GetArena());
  body->set_name(proto->name());
  body->mutable_node()->Swap(proto->mutable_node());
  for (const std::string& input : proto->input()) {
    body->add_input()->set_name(input);
  }
  for (const std::string& output : proto->output()) {
    body->add_output()->set_name(output);
  }
  const ModelContext inside = {function->opsets, context.payloads, true};
  OPCOST_RETURN_IF_ERROR(ImportNewerFields(*proto, inside, body, function));
  OPCOST_ASSIGN_OR_RETURN(function->body, ImportGraph(*body, inside));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<OpsetImport>> ImportOpsets(
    const google::protobuf::RepeatedPtrField<onnx::OperatorSetIdProto>& ids,
    absl::string_view who) {
  std::vector<OpsetImport> opsets;
  for (const onnx::OperatorSetIdProto& id : ids) {
    const absl::string_view domain = NormalizeDomain(id.domain());
    const absl::string_view shown = domain.empty() ? "ai.onnx" : domain;
    if (id.version() < 1 || id.version() > INT_MAX) {
      return absl::InvalidArgumentError(
          absl::StrCat(who, " imports version ", id.version(), " of domain '",
                       shown, "'; expected 1 or more"));
    }
    bool is_known = false;
    for (const OpsetImport& known : opsets) {
      if (known.domain != domain) continue;
      if (known.version != id.version()) {
        return absl::InvalidArgumentError(absl::StrCat(
            who, " imports two versions of domain '", shown, "', ",
            known.version, " and ", id.version(), "; expected one"));
      }
      is_known = true;
    }
    if (!is_known) opsets.push_back({std::string(domain), id.version()});
  }
  return opsets;
}

absl::Status ImportFunctions(onnx::ModelProto* model,
                             const ModelContext& context,
                             std::vector<Function>* functions) {
  std::set<std::tuple<std::string, std::string, std::string>> keys;
  functions->reserve(static_cast<size_t>(model->functions_size()));
  for (onnx::FunctionProto& proto : *model->mutable_functions()) {
    Function& function = functions->emplace_back();
    function.domain = std::string(NormalizeDomain(proto.domain()));
    function.name = proto.name();
    absl::Status imported = ImportFunction(&proto, context, &function);
    if (imported.ok() &&
        !keys.emplace(function.domain, function.name, function.overload)
             .second) {
      imported = absl::InvalidArgumentError(
          "it is defined twice; a function needs a name of its own, or an "
          "overload");
    }
    if (!imported.ok()) {
      return absl::Status(
          imported.code(),
          absl::StrCat("function '", function.domain,
                       function.domain.empty() ? "" : ".", function.name,
                       "': ", imported.message()));
    }
  }
  return absl::OkStatus();
}

}  // namespace opcost
