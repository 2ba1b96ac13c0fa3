use super::*;

const X: [f64; 8] = [0.5, 1.0, 2.0, 2.5, 4.0, 5.0, 5.5, 9.0];
const Y: [f64; 8] = [1.2, 1.9, 4.4, 4.6, 8.3, 9.9, 11.4, 17.0];

#[test]
fn simple_regression_is_the_textbooks() {
    let fit = least_squares(&Y, &[&X], Intercept::Fitted).unwrap();
    let n = 8.0;
    let (mx, my) = (X.iter().sum::<f64>() / n, Y.iter().sum::<f64>() / n);
    let sxx: f64 = X.iter().map(|x| (x - mx).powi(2)).sum();
    let sxy: f64 = X.iter().zip(&Y).map(|(x, y)| (x - mx) * (y - my)).sum();
    let syy: f64 = Y.iter().map(|y| (y - my).powi(2)).sum();
    let slope = sxy / sxx;
    let variance = (syy - slope * sxy) / 6.0;
    let close = |got: f64, want: f64| assert!((got / want - 1.0).abs() < 1e-11, "{got} {want}");
    let [b0, b1] = fit.coefficients().unwrap()[..] else {
        panic!("two coefficients")
    };
    close(b1.estimate, slope);
    close(b0.estimate, my - slope * mx);
    close(b1.standard_error, (variance / sxx).sqrt());
    close(
        b0.standard_error,
        (variance * (1.0 / n + mx * mx / sxx)).sqrt(),
    );
    close(fit.r_squared, sxy * sxy / sxx / syy);
    close(fit.f_statistic().unwrap(), b1.t().powi(2));
    close(fit.p().unwrap(), b1.p());
    close(fit.adjusted_r_squared(), 1.0 - variance * 7.0 / syy);
    let at = fit.predict(&[7.0], 0.9).unwrap();
    let critical = StudentT::new(6.0).unwrap().inverse_sf(0.05).unwrap();
    let spread = 1.0 / n + (7.0 - mx).powi(2) / sxx;
    close(at.value, my + slope * (7.0 - mx));
    close(at.mean.half_width(), critical * (variance * spread).sqrt());
    close(
        at.observation.half_width(),
        critical * (variance * (1.0 + spread)).sqrt(),
    );
    for (x, leverage) in X.iter().zip(fit.leverages()) {
        close(leverage, 1.0 / n + (x - mx).powi(2) / sxx);
    }
}

/// Cook's distance is what leaving one observation out does to the fits.
#[test]
fn cooks_distance_is_leave_one_out() {
    let fit = least_squares(&Y, &[&X], Intercept::Fitted).unwrap();
    let distances = fit.cooks_distances();
    let value = |fit: &LeastSquares, x: f64| fit.predict(&[x], 0.5).unwrap().value;
    for (left_out, distance) in distances.iter().enumerate() {
        let without = |v: &[f64]| [&v[..left_out], &v[left_out + 1..]].concat();
        let other = least_squares(&without(&Y), &[&without(&X)], Intercept::Fitted).unwrap();
        let moved: f64 = X
            .iter()
            .map(|x| (value(&fit, *x) - value(&other, *x)).powi(2))
            .sum();
        let want = moved / 2.0 / fit.residual_sd.powi(2);
        assert!((distance / want - 1.0).abs() < 1e-10, "{distance} {want}");
    }
}

#[test]
fn exact_fits() {
    let y = X.map(|x| 3.0 * x - 1.0);
    let fit = least_squares(&y, &[&X], Intercept::Fitted).unwrap();
    assert_eq!((fit.residual_sd, fit.r_squared), (0.0, 1.0));
    assert_eq!((fit.f_statistic(), fit.p()), (None, Some(0.0)));
    let slope = fit.coefficient(1).unwrap();
    assert_eq!(
        (slope.estimate, slope.standard_error, slope.p()),
        (3.0, 0.0, 0.0)
    );
    assert_eq!(fit.durbin_watson(), None);
    assert!(fit.cooks_distances().iter().all(|d| *d == 0.0));
    let constant = least_squares(&[4.0; 8], &[&X], Intercept::Fitted).unwrap();
    assert_eq!(constant.r_squared, 1.0);
    assert!(constant.coefficient(1).unwrap().estimate.abs() < 1e-28);
    assert_eq!(
        least_squares(&[0.0; 8], &[&X], Intercept::Zero)
            .unwrap()
            .residual_sd,
        0.0
    );
}

#[test]
fn bad_input_is_refused() {
    let fit = |y: &[f64], x: &[&[f64]], intercept| least_squares(y, x, intercept).unwrap_err();
    let mean = Intercept::Fitted;
    assert_eq!(
        fit(&Y, &[&X, &X], mean),
        StatsError::RankDeficient { column: 1 }
    );
    assert_eq!(
        fit(&Y, &[&[7.0; 8]], mean),
        StatsError::RankDeficient { column: 0 }
    );
    assert_eq!(
        fit(&Y, &[&[0.0; 8]], Intercept::Zero),
        StatsError::RankDeficient { column: 0 }
    );
    assert_eq!(
        fit(&Y, &[&X[..7]], mean),
        StatsError::LengthMismatch { left: 8, right: 7 }
    );
    assert_eq!(
        fit(&Y[..2], &[&X[..2]], mean),
        StatsError::TooFew { need: 3, got: 2 }
    );
    assert!(matches!(
        fit(&Y, &[], Intercept::Zero),
        StatsError::Invalid { .. }
    ));
    assert_eq!(
        fit(&[f64::NAN; 3], &[&[1.0, 2.0, 3.0]], mean),
        StatsError::NotFinite { index: 0 }
    );
    let good = least_squares(&Y, &[&X], mean).unwrap();
    assert!(good.predict(&[1.0, 2.0], 0.9).is_err() && good.predict(&[f64::NAN], 0.9).is_err());
    assert!(good.predict(&[1.0], 1.0).is_err());
    assert!(polynomial(&Y, &X, 8, mean).is_err() && polynomial(&Y, &X, 100_000, mean).is_err());
}

#[test]
fn extremes_stay_in_range() {
    let large: Vec<f64> = Y.iter().map(|v| v * 5e306).collect();
    let small: Vec<f64> = X.iter().map(|v| v * 1e-300).collect();
    let steep = least_squares(&large, &[&small], Intercept::Fitted).unwrap();
    assert_eq!(
        steep.coefficients(),
        Err(StatsError::Overflow {
            what: "a coefficient"
        })
    );
    let fit = least_squares(&large, &[&X], Intercept::Fitted).unwrap();
    let want = least_squares(&Y, &[&X], Intercept::Fitted)
        .unwrap()
        .coefficient(1)
        .unwrap();
    let got = fit.coefficient(1).unwrap();
    assert!((got.estimate / 5e306 / want.estimate - 1.0).abs() < 1e-14);
    assert!((got.t() / want.t() - 1.0).abs() < 1e-12);
}

#[test]
fn corrected_errors() {
    // One column of ones: the mean's variance is Σᵢⱼ weight(i − j) rᵢ rⱼ / n².
    let one = [1.0; 8];
    let fit = least_squares(&Y, &[&one], Intercept::Zero).unwrap();
    let r = fit.residuals().to_vec();
    for lags in [0usize, 1, 3, 7] {
        let mut want = 0.0;
        for (i, a) in r.iter().enumerate() {
            for (j, b) in r.iter().enumerate() {
                want += (1.0 - i.abs_diff(j) as f64 / (lags as f64 + 1.0)).max(0.0) * a * b;
            }
        }
        let corrected = fit.clone().with_errors(ErrorModel::NeweyWest { lags });
        let got = corrected.coefficient(0).unwrap().standard_error;
        assert!((got - (want / 64.0).sqrt()).abs() < 1e-12, "{lags}");
    }
    let error = |model| {
        fit.clone()
            .with_errors(model)
            .coefficient(0)
            .unwrap()
            .standard_error
    };
    assert_eq!(
        error(ErrorModel::Heteroscedastic),
        error(ErrorModel::NeweyWest { lags: 0 })
    );
    assert!(error(ErrorModel::NeweyWest { lags: usize::MAX }).is_finite());
    assert!(error(ErrorModel::NeweyWestAutomatic) > 0.0);
}
