// SPDX-License-Identifier: Apache-2.0
// The one optimisation that a fit needs, by a library.
#ifndef OPCOST_SRC_CALIBRATE_CONE_H_
#define OPCOST_SRC_CALIBRATE_CONE_H_

#include <Eigen/Core>

#include "absl/status/statusor.h"

namespace opcost {

// The point nearest to `target` among those with `constraints` * x >= 0, which
// `start` fulfils. By NLopt's SLSQP: for this objective its first model of the
// curvature is exact. Errors: FAILED_PRECONDITION with what the solver says.
absl::StatusOr<Eigen::VectorXd> NearestInCone(
    const Eigen::VectorXd& target, const Eigen::MatrixXd& constraints,
    const Eigen::VectorXd& start);

}  // namespace opcost

#endif  // OPCOST_SRC_CALIBRATE_CONE_H_
