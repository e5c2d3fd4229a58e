// SPDX-License-Identifier: Apache-2.0
#include "opcost/carbon/intensity.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "opcost/carbon/units.h"
#include "opcost/support/near_matches.h"
#include "opcost/support/status_macros.h"
#include "src/carbon/figures.h"

namespace opcost {
namespace {

using absl::string_view;

// How far from 1 shares may sum: what their decimals' binary forms add.
constexpr double kSumTolerance = 1e-6;
constexpr size_t kMostMatches = 3;

CarbonIntensity IntensityFrom(const CarbonFigure& figure, IntensityKind kind,
                              std::string code) {
  CarbonIntensity intensity;
  intensity.kind = kind;
  intensity.g_per_kwh = figure.g_per_kwh;
  intensity.code = std::move(code);
  intensity.name = figure.name;
  intensity.source = figure.source;
  intensity.year = figure.year;
  return intensity;
}

// "DE" of a country; "WORLD", which has no code of two letters.
const std::string& CodeOf(const CarbonFigure& country) {
  return country.keys[0].empty() ? country.keys[1] : country.keys[0];
}

// "; did you mean 'DE' (Germany) or ...?", by name and by code.
std::string NearCountries(string_view code,
                          const std::vector<CarbonFigure>& countries) {
  // Reserved for these two, not codes of theirs; near in letters is Ukraine.
  for (const auto& [reserved, cure] : {std::pair("UK", "'GB' (United Kingdom)"),
                                       std::pair("EL", "'GR' (Greece)")}) {
    if (absl::EqualsIgnoreCase(code, reserved)) {
      return absl::StrCat("; did you mean ", cure, "?");
    }
  }
  std::vector<std::string> found;
  const auto add = [&found](const CarbonFigure& country) {
    std::string text =
        absl::StrCat("'", CodeOf(country), "' (", country.name, ")");
    if (std::find(found.begin(), found.end(), text) == found.end()) {
      found.push_back(std::move(text));
    }
  };
  // GER is the beginning of a name rather than a slip for GBR.
  std::vector<std::string> candidates;
  for (const CarbonFigure& country : countries) {
    if (code.size() > 2 && absl::StartsWithIgnoreCase(country.name, code)) {
      add(country);
    }
    candidates.push_back(country.name);
    candidates.push_back(country.keys[1]);
  }
  if (found.empty()) {
    for (const std::string& match : NearMatches(code, candidates)) {
      for (const CarbonFigure& country : countries) {
        if (match == country.name || match == country.keys[1]) add(country);
      }
    }
  }
  if (found.empty()) {
    return "; give a code of ISO 3166-1 (DE, DEU), WORLD, or the intensity "
           "itself with --carbon-intensity";
  }
  found.resize(std::min(found.size(), kMostMatches));
  return absl::StrCat("; did you mean ", absl::StrJoin(found, " or "), "?");
}

// Without what providers write one way in consoles and another in tools.
std::string RegionKey(string_view region) {
  std::string key;
  for (const char c : region) {
    if (c == ' ' || c == '-' || c == '_') continue;
    key += absl::ascii_tolower(static_cast<unsigned char>(c));
  }
  return key;
}

absl::Status UnknownRegion(string_view provider, string_view region,
                           const std::vector<CarbonFigure>& regions) {
  std::vector<std::string> providers, known;
  for (const CarbonFigure& figure : regions) {
    if (std::find(providers.begin(), providers.end(), figure.keys[0]) ==
        providers.end()) {
      providers.push_back(figure.keys[0]);
    }
    if (figure.keys[0] == provider) known.push_back(figure.keys[1]);
  }
  if (known.empty()) {
    return absl::NotFoundError(
        absl::StrCat("unknown cloud provider '", provider,
                     "'; use one of: ", absl::StrJoin(providers, ", ")));
  }
  std::string cure = DidYouMean(region, known);
  if (cure.empty()) {
    cure = absl::StrCat("; its regions are ", absl::StrJoin(known, ", "));
  }
  return absl::NotFoundError(
      absl::StrCat("unknown region '", region, "' of ", provider, cure));
}

absl::Status UnknownSource(string_view name,
                           const std::vector<CarbonFigure>& sources) {
  std::vector<std::string> known;
  known.reserve(sources.size());
  for (const CarbonFigure& source : sources) known.push_back(source.keys[0]);
  std::string cure = DidYouMean(name, known);
  if (cure.empty()) {
    cure = absl::StrCat("; the sources are ", absl::StrJoin(known, ", "));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("unknown energy source '", name, "'", cure));
}

// The part that `text` ("coal=0.25") is; `figure` becomes that of its source.
absl::StatusOr<MixPart> ParsePart(string_view text,
                                  const std::vector<CarbonFigure>& sources,
                                  CarbonFigure* figure) {
  const std::vector<string_view> sides = absl::StrSplit(text, '=');
  if (sides.size() != 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text,
                     "' does not have the form SOURCE=SHARE, as in "
                     "coal=0.25,wind=0.75"));
  }
  MixPart part;
  part.name = absl::StrReplaceAll(
      absl::AsciiStrToLower(absl::StripAsciiWhitespace(sides[0])),
      {{"-", "_"}, {" ", "_"}});
  const auto source = std::find_if(
      sources.begin(), sources.end(),
      [&part](const CarbonFigure& row) { return row.keys[0] == part.name; });
  if (source == sources.end()) return UnknownSource(part.name, sources);
  const absl::StatusOr<double> share =
      ParseAmount(absl::StripAsciiWhitespace(sides[1]), 0);
  if (!share.ok() || *share > 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the share of ", part.name, " is '", sides[1], "', not from 0 to 1"));
  }
  part.share = *share;
  part.g_per_kwh = source->g_per_kwh;
  *figure = *source;
  return part;
}

}  // namespace

string_view Name(IntensityKind kind) {
  switch (kind) {
    case IntensityKind::kGiven:
      return "given";
    case IntensityKind::kCountry:
      return "country";
    case IntensityKind::kCloud:
      return "cloud";
    case IntensityKind::kMix:
      break;
  }
  return "mix";
}

absl::StatusOr<CarbonIntensity> GivenIntensity(string_view text) {
  CarbonIntensity intensity;
  OPCOST_ASSIGN_OR_RETURN(intensity.g_per_kwh, ParseAmount(text, 0));
  intensity.code = std::string(text);
  return intensity;
}

absl::StatusOr<CarbonIntensity> IntensityOfCountry(string_view code) {
  const std::vector<CarbonFigure> countries = FiguresOf("countries");
  for (const CarbonFigure& country : countries) {
    for (const std::string& key : country.keys) {
      if (key.empty() || !absl::EqualsIgnoreCase(key, code)) continue;
      return IntensityFrom(country, IntensityKind::kCountry, CodeOf(country));
    }
  }
  return absl::NotFoundError(absl::StrCat("unknown country '", code, "'",
                                          NearCountries(code, countries)));
}

absl::StatusOr<CarbonIntensity> IntensityOfCloud(string_view region) {
  const std::vector<string_view> sides =
      absl::StrSplit(region, absl::MaxSplits(':', 1));
  if (sides.size() != 2 || sides[0].empty() || sides[1].empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", region,
                     "' does not have the form PROVIDER:REGION, as in "
                     "gcp:europe-west1"));
  }
  const std::string provider = absl::AsciiStrToLower(sides[0]);
  const std::vector<CarbonFigure> regions = FiguresOf("cloud-regions");
  for (const CarbonFigure& figure : regions) {
    if (figure.keys[0] == provider &&
        RegionKey(figure.keys[1]) == RegionKey(sides[1])) {
      return IntensityFrom(figure, IntensityKind::kCloud,
                           absl::StrCat(provider, ":", figure.keys[1]));
    }
  }
  return UnknownRegion(provider, sides[1], regions);
}

absl::StatusOr<CarbonIntensity> IntensityOfMix(string_view mix) {
  const std::vector<CarbonFigure> sources = FiguresOf("energy-sources");
  CarbonIntensity intensity;
  intensity.kind = IntensityKind::kMix;
  double sum = 0;
  std::vector<std::string> codes;
  for (const string_view text : absl::StrSplit(mix, ',')) {
    CarbonFigure figure;
    OPCOST_ASSIGN_OR_RETURN(MixPart part, ParsePart(text, sources, &figure));
    for (const MixPart& other : intensity.parts) {
      if (other.name != part.name) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("'", part.name, "' is named twice"));
    }
    sum += part.share;
    intensity.g_per_kwh += part.share * part.g_per_kwh;
    intensity.source = figure.source;
    intensity.year = std::max(intensity.year, figure.year);
    codes.push_back(absl::StrCat(part.name, "=", part.share));
    intensity.parts.push_back(std::move(part));
  }
  if (std::abs(sum - 1) > kSumTolerance) {
    return absl::InvalidArgumentError(
        absl::StrFormat("the shares sum to %.10g, not to 1", sum));
  }
  intensity.code = absl::StrJoin(codes, ", ");
  intensity.name = "energy mix";
  return intensity;
}

}  // namespace opcost
