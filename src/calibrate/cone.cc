// SPDX-License-Identifier: Apache-2.0
#include "src/calibrate/cone.h"

#include <nlopt.h>

#include <cstddef>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace opcost {
namespace {

constexpr int kMaxEvaluations = 2000;

using ConstVector = Eigen::Map<const Eigen::VectorXd>;

// Half the squared distance to the target.
double Distance(unsigned size, const double* x, double* gradient,
                void* target) {
  const auto& wanted = *static_cast<const Eigen::VectorXd*>(target);
  const Eigen::VectorXd difference = ConstVector(x, size) - wanted;
  if (gradient != nullptr) {
    Eigen::Map<Eigen::VectorXd>(gradient, size) = difference;
  }
  return difference.squaredNorm() / 2;
}

// NLopt wants what must not be positive.
void Violations(unsigned count, double* result, unsigned size, const double* x,
                double* gradient, void* constraints) {
  const auto& rows = *static_cast<const Eigen::MatrixXd*>(constraints);
  Eigen::Map<Eigen::VectorXd>(result, count) = -rows * ConstVector(x, size);
  if (gradient == nullptr) return;
  using RowMajor =
      Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  Eigen::Map<RowMajor>(gradient, count, size) = -rows;
}

}  // namespace

absl::StatusOr<Eigen::VectorXd> NearestInCone(
    const Eigen::VectorXd& target, const Eigen::MatrixXd& constraints,
    const Eigen::VectorXd& start) {
  if ((constraints * target).minCoeff() >= 0) return target;
  Eigen::VectorXd wanted = target;
  Eigen::MatrixXd rows = constraints;
  const std::unique_ptr<nlopt_opt_s, void (*)(nlopt_opt)> solver(
      nlopt_create(NLOPT_LD_SLSQP, static_cast<unsigned>(target.size())),
      nlopt_destroy);
  const std::vector<double> tolerances(static_cast<size_t>(rows.rows()), 1e-12);
  nlopt_set_min_objective(solver.get(), Distance, &wanted);
  nlopt_add_inequality_mconstraint(solver.get(),
                                   static_cast<unsigned>(rows.rows()),
                                   Violations, &rows, tolerances.data());
  nlopt_set_xtol_rel(solver.get(), 1e-12);
  nlopt_set_ftol_rel(solver.get(), 1e-15);
  nlopt_set_maxeval(solver.get(), kMaxEvaluations);
  Eigen::VectorXd x = start;
  double distance = 0;
  const nlopt_result result = nlopt_optimize(solver.get(), x.data(), &distance);
  // Limited by rounding is as near as it gets.
  if (result > 0 || result == NLOPT_ROUNDOFF_LIMITED) return x;
  return absl::FailedPreconditionError(
      absl::StrCat("the solver (NLopt SLSQP) found no prices: ",
                   nlopt_result_to_string(result)));
}

}  // namespace opcost
