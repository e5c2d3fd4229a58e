// SPDX-License-Identifier: Apache-2.0
#include "opcost/calibrate/fit.h"

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "opcost/support/status_macros.h"
#include "src/calibrate/cone.h"
#include "src/calibrate/prices.h"

namespace opcost {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr double kPicojoulesPerJoule = 1e12;
constexpr double kHalfWidthDeviations = 1.96;  // 95 % of a normal distribution
constexpr double kDeterminedWithin = 0.05;
constexpr double kWeakWithin = 0.5;
constexpr int kNoiseRounds = 8;
// What is known of the noise before the data: 10 %, as if from three rows. A
// few rows that happen to fit exactly must not be taken for exact ones.
constexpr double kPriorNoise = 0.1;
constexpr double kPriorNoiseRows = 3;
constexpr double kLeastExpected = 1e-3;
constexpr double kLeastScaled = 1e-9;

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle =
      values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*std::max_element(values.begin(), middle) + *middle) / 2;
}

// The weighted problem: rows divided by their weight's unit.
struct Problem {
  MatrixXd amounts;      // row by price, in pJ at a value of 1
  VectorXd measured;     // pJ
  VectorXd weights;      // of each row
  VectorXd prior;        // of each price
  VectorXd deviation;    // of the prior
  MatrixXd constraints;  // on the prices, each >= 0
};

VectorXd WeightsOf(const VectorXd& measured, bool is_relative) {
  if (is_relative) return measured.cwiseInverse();
  return VectorXd::Constant(measured.size(), 1 / measured.mean());
}

MatrixXd ConstraintsOf(const PriceSystem& system) {
  const auto prices = static_cast<Index>(system.prices.size());
  const auto orders = static_cast<Index>(system.orders.size());
  MatrixXd result = MatrixXd::Zero(prices + orders, prices);
  result.topRows(prices).setIdentity();
  for (Index i = 0; i < orders; ++i) {
    const PriceOrder& order = system.orders[static_cast<size_t>(i)];
    const double unit = std::max({order.low_pj, order.high_pj, 1e-300});
    result(prices + i, static_cast<Index>(order.high)) = order.high_pj / unit;
    result(prices + i, static_cast<Index>(order.low)) -= order.low_pj / unit;
  }
  return result;
}

// The median of measurement over base estimate.
double CommonScale(const CalibrationData& data) {
  std::vector<double> ratios;
  for (const MeasuredRow& row : data.rows) {
    double base_pj = 0;
    for (size_t i = 0; i < data.activities.size(); ++i) {
      if (data.activities[i].is_factor()) base_pj += row.amounts[i];
    }
    if (base_pj > 0)
      ratios.push_back(row.joules * kPicojoulesPerJoule / base_pj);
  }
  return ratios.empty() ? 1 : Median(std::move(ratios));
}

// What alone would explain a typical row: as far as a price without a base may
// be expected to go.
double DeviationWithoutBase(const VectorXd& amounts, const VectorXd& measured) {
  std::vector<double> ratios;
  for (Index i = 0; i < amounts.size(); ++i) {
    if (amounts(i) > 0) ratios.push_back(measured(i) / amounts(i));
  }
  return ratios.empty() ? 1 : Median(std::move(ratios));
}

// Where each price is expected: at the common scale; in a full fit at its
// group's factor.
absl::StatusOr<std::vector<double>> ExpectedPrices(const CalibrationData& data,
                                                   const CostTable& base,
                                                   const PriceSystem& system,
                                                   const FitOptions& options,
                                                   double scale) {
  std::vector<double> expected(system.prices.size(), scale);
  if (options.detail != FitDetail::kFull) return expected;
  FitOptions coarse = options;
  coarse.detail = FitDetail::kGroups;
  OPCOST_ASSIGN_OR_RETURN(const PriceFit groups, FitPrices(data, base, coarse));
  for (size_t p = 0; p < expected.size(); ++p) {
    const size_t activity = system.prices[p].activities[0];
    for (const FittedPrice& group : groups.prices) {
      const auto& members = group.activities;
      const bool is_member =
          std::find(members.begin(), members.end(), activity) != members.end();
      // Nothing can be expected relative to zero.
      if (is_member && group.value > kLeastExpected * scale) {
        expected[p] = group.value;
      }
    }
  }
  return expected;
}

Problem MakeProblem(const CalibrationData& data, const PriceSystem& system,
                    const FitOptions& options,
                    const std::vector<double>& expected) {
  const auto rows = static_cast<Index>(data.rows.size());
  const auto prices = static_cast<Index>(system.prices.size());
  Problem problem;
  problem.amounts = MatrixXd::Zero(rows, prices);
  problem.measured.resize(rows);
  for (Index i = 0; i < rows; ++i) {
    const MeasuredRow& row = data.rows[static_cast<size_t>(i)];
    problem.measured(i) = row.joules * kPicojoulesPerJoule;
    for (Index p = 0; p < prices; ++p) {
      for (const size_t a : system.prices[static_cast<size_t>(p)].activities) {
        problem.amounts(i, p) += row.amounts[a];
      }
    }
  }
  problem.weights = WeightsOf(problem.measured, options.is_relative);
  problem.prior = VectorXd::Zero(prices);
  problem.deviation.resize(prices);
  for (Index p = 0; p < prices; ++p) {
    if (system.prices[static_cast<size_t>(p)].kind <= ActivityKind::kWrite) {
      problem.prior(p) = expected[static_cast<size_t>(p)];
      problem.deviation(p) = problem.prior(p) * options.prior_deviation;
    } else {
      problem.deviation(p) =
          options.prior_deviation *
          DeviationWithoutBase(problem.amounts.col(p), problem.measured);
    }
  }
  problem.constraints = ConstraintsOf(system);
  return problem;
}

struct Solution {
  VectorXd values;
  MatrixXd covariance;
  double noise = 0;
};

// In units of the priors' deviations, in which all prices are alike.
absl::StatusOr<Solution> SolveAt(const Problem& problem, double noise) {
  const MatrixXd weighted = problem.weights.asDiagonal() * problem.amounts *
                            problem.deviation.asDiagonal();
  const VectorXd wanted = problem.weights.cwiseProduct(problem.measured);
  const VectorXd prior = problem.prior.cwiseQuotient(problem.deviation);
  const Index prices = prior.size();
  const MatrixXd information =
      weighted.transpose() * weighted / (noise * noise) +
      MatrixXd::Identity(prices, prices);
  const VectorXd pull = weighted.transpose() * wanted / (noise * noise) + prior;
  const Eigen::LLT<MatrixXd> root(information);
  if (root.info() != Eigen::Success) {
    return absl::FailedPreconditionError(
        "the fit's equations are singular; the data's numbers differ by too "
        "many orders of magnitude");
  }
  // x = U^-1 z, in which the objective is the distance from its minimum.
  const auto upper = root.matrixU();
  const VectorXd target = upper * root.solve(pull);
  MatrixXd rows = problem.constraints * problem.deviation.asDiagonal();
  rows = upper.transpose().solve(rows.transpose().eval()).transpose().eval();
  const VectorXd start = upper * prior;
  OPCOST_ASSIGN_OR_RETURN(const VectorXd nearest,
                          NearestInCone(target, rows, start));
  Solution solution;
  VectorXd scaled = upper.solve(nearest);
  // What the solver leaves of a price at its bound is rounding.
  scaled = (scaled.array() < kLeastScaled).select(0, scaled);
  solution.values = problem.deviation.cwiseProduct(scaled);
  const MatrixXd covariance = root.solve(MatrixXd::Identity(prices, prices));
  solution.covariance = problem.deviation.asDiagonal() * covariance *
                        problem.deviation.asDiagonal();
  solution.noise = noise;
  return solution;
}

// How many prices the data decide: the trace of what they add to the priors.
double FreePrices(const Problem& problem, const Solution& solution) {
  double free = 0;
  for (Index p = 0; p < solution.values.size(); ++p) {
    const double prior = problem.deviation(p) * problem.deviation(p);
    free += 1 - solution.covariance(p, p) / prior;
  }
  return free;
}

// The priors weigh against the data as the data's own noise says, which is
// what the residuals show.
absl::StatusOr<Solution> Solve(const Problem& problem) {
  double noise = kPriorNoise;
  Solution solution;
  for (int round = 0; round < kNoiseRounds; ++round) {
    OPCOST_ASSIGN_OR_RETURN(solution, SolveAt(problem, noise));
    const VectorXd residuals = problem.weights.cwiseProduct(
        problem.amounts * solution.values - problem.measured);
    const double freedom = std::max(0.0, static_cast<double>(residuals.size()) -
                                             FreePrices(problem, solution));
    const double next =
        std::sqrt((residuals.squaredNorm() +
                   kPriorNoiseRows * kPriorNoise * kPriorNoise) /
                  (freedom + kPriorNoiseRows));
    const bool is_settled = std::abs(next - noise) < 1e-4 * noise;
    noise = next;
    if (is_settled) break;
  }
  return solution;
}

// What holds a price where it is.
std::string BoundOf(size_t price, const PriceSystem& system,
                    const VectorXd& values, double scale) {
  const auto value = [&](size_t p) { return values(static_cast<Index>(p)); };
  constexpr double kAtBound = 1e-6;
  const bool is_factor = system.prices[price].kind <= ActivityKind::kWrite;
  if (value(price) <= (is_factor ? kAtBound * scale : 0)) return "at 0";
  for (const PriceOrder& order : system.orders) {
    if (order.low != price && order.high != price) continue;
    const double low = value(order.low) * order.low_pj;
    const double high = value(order.high) * order.high_pj;
    if (high - low > kAtBound * high) continue;
    return absl::StrCat(
        "tied to ",
        system.prices[order.low == price ? order.high : order.low].name);
  }
  return "";
}

void Judge(const Problem& problem, const Solution& solution,
           const PriceSystem& system, PriceFit& fit) {
  fit.prices = system.prices;
  for (size_t p = 0; p < fit.prices.size(); ++p) {
    FittedPrice& price = fit.prices[p];
    const auto i = static_cast<Index>(p);
    price.value = solution.values(i);
    const double variance = solution.covariance(i, i);
    price.half_width = kHalfWidthDeviations * std::sqrt(variance);
    price.data_share =
        1 - variance / (problem.deviation(i) * problem.deviation(i));
    price.bound = BoundOf(p, system, solution.values, fit.common_scale);
    if (!price.bound.empty()) {
      price.determination = Determination::kHeld;
    } else if (price.half_width <= kDeterminedWithin * price.value) {
      price.determination = Determination::kDetermined;
    } else if (price.half_width <= kWeakWithin * price.value) {
      price.determination = Determination::kWeak;
    }
  }
}

// One number for everything: joules per MAC, by the same kind of error.
double JoulesPerMac(const CalibrationData& data, bool is_relative) {
  double product = 0;
  double square = 0;
  for (const MeasuredRow& row : data.rows) {
    const double weight = is_relative ? 1 / row.joules : 1;
    product += row.macs * weight * row.joules * weight;
    square += row.macs * weight * row.macs * weight;
  }
  return square > 0 ? product / square : 0;
}

absl::Status CheckRows(const CalibrationData& data) {
  if (data.rows.size() < 2) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a fit needs at least two rows, the data have ", data.rows.size()));
  }
  for (const MeasuredRow& row : data.rows) {
    const absl::Status status = CheckJoules(row.joules);
    if (!status.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(row.name, ": ", status.message()));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::string_view Name(FitDetail detail) {
  constexpr absl::string_view kNames[] = {"scale", "groups", "full"};
  return kNames[static_cast<size_t>(detail)];
}

absl::string_view Name(Determination determination) {
  constexpr absl::string_view kNames[] = {"determined", "weak", "undetermined",
                                          "held"};
  return kNames[static_cast<size_t>(determination)];
}

FitQuality QualityOf(const std::vector<double>& measured,
                     const std::vector<double>& predicted, size_t parameters) {
  FitQuality quality;
  quality.rows = measured.size();
  if (measured.empty()) return quality;
  const auto rows = static_cast<double>(measured.size());
  double mean = 0;
  for (const double value : measured) mean += value / rows;
  double residual = 0;
  double spread = 0;
  std::vector<double> errors;
  for (size_t i = 0; i < measured.size(); ++i) {
    residual += std::pow(predicted[i] - measured[i], 2);
    spread += std::pow(measured[i] - mean, 2);
    errors.push_back(std::abs(predicted[i] / measured[i] - 1));
    quality.mean_error += errors.back() / rows;
  }
  const double nan = std::numeric_limits<double>::quiet_NaN();
  quality.r2 = spread > 0 ? 1 - residual / spread : nan;
  const double freedom = rows - static_cast<double>(parameters) - 1;
  quality.adjusted_r2 =
      freedom > 0 ? 1 - (1 - quality.r2) * (rows - 1) / freedom : nan;
  quality.rmse_joules = std::sqrt(residual / rows);
  quality.median_error = Median(std::move(errors));
  return quality;
}

double PriceFit::Predict(const MeasuredRow& row) const {
  double pj = 0;
  for (const FittedPrice& price : prices) {
    for (const size_t a : price.activities) {
      pj += price.value * row.amounts[a];
    }
  }
  return pj / kPicojoulesPerJoule;
}

absl::StatusOr<PriceFit> FitPrices(const CalibrationData& data,
                                   const CostTable& base,
                                   const FitOptions& options) {
  OPCOST_RETURN_IF_ERROR(CheckRows(data));
  OPCOST_ASSIGN_OR_RETURN(const PriceSystem system,
                          MakePriceSystem(data, base, options));
  PriceFit fit;
  fit.options = options;
  fit.common_scale = CommonScale(data);
  OPCOST_ASSIGN_OR_RETURN(
      const std::vector<double> expected,
      ExpectedPrices(data, base, system, options, fit.common_scale));
  const Problem problem = MakeProblem(data, system, options, expected);
  OPCOST_ASSIGN_OR_RETURN(const Solution solution, Solve(problem));
  fit.noise = solution.noise;
  Judge(problem, solution, system, fit);
  fit.joules_per_mac = JoulesPerMac(data, options.is_relative);
  std::vector<double> measured;
  for (const MeasuredRow& row : data.rows) {
    measured.push_back(row.joules);
    fit.predicted.push_back(fit.Predict(row));
    fit.predicted_by_macs.push_back(fit.joules_per_mac * row.macs);
  }
  const auto free = static_cast<size_t>(
      std::lround(std::max(1.0, FreePrices(problem, solution))));
  fit.quality = QualityOf(measured, fit.predicted, free);
  fit.quality_by_macs = QualityOf(measured, fit.predicted_by_macs, 1);
  return fit;
}

}  // namespace opcost
