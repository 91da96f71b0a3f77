/* core/kernels/lanes_activate.h: activations and soft caps, written once over vectors of LANES floats.
 *
 * Four of them are x p(x) with a probability p that has one exponential in it: silu, quick_gelu and gelu by tanh are
 * x / (1 + exp(-z)), for (1 + tanh u) / 2 = 1 / (1 + exp(-2 u)) without cancellation; gelu is x Phi(x), where the tail of
 * the normal distribution is written as
 *
 *     Phi(-t) = exp(-t^2 / 2) F(s) / (t + 4),     s = (t - 4) / (t + 4),   t >= 0
 *
 * so that F is smooth and nearly constant over all of t, a polynomial of degree 9 (minimax, relative error 9e-9).
 *
 * Needs, beside lanes.h's: v_choose(x, a, b), a where x < 0, otherwise (also where x is NaN) b. */

INLINE vec v_negative(vec x) { return v_sub(v_zero(), x); }

/* x / (1 + exp(minus_z)). */
INLINE vec times_logistic(vec x, vec minus_z)
{
    return v_div(x, v_add(v_set(1.0f), exponential(minus_z)));
}

INLINE vec silu(vec x)
{
    return times_logistic(x, v_negative(x));
}

INLINE vec quick_gelu(vec x)
{
    return times_logistic(x, v_mul(x, v_set(-1.702f)));
}

/* -2 sqrt(2 / pi) x (1 + 0.044715 x^2) */
INLINE vec gelu_tanh(vec x)
{
    return times_logistic(x, v_mul(x, v_fma(v_set(-0.07135481627f), v_mul(x, x), v_set(-1.5957691216f))));
}

/* The normal distribution beyond t, 0 <= t <= 20. What rounding takes from t^2 is put back, so that the far tail, too, is
 * right to a few units in the last place. */
INLINE vec normal_tail(vec t)
{
    const vec r = v_div(v_set(1.0f), v_add(t, v_set(4.0f))), s = v_mul(v_sub(t, v_set(4.0f)), r);
    vec f = v_set(-0x1.196de8p-13f);
    f = v_fma(f, s, v_set(0x1.6e4ap-13f));
    f = v_fma(f, s, v_set(0x1.9b2622p-10f));
    f = v_fma(f, s, v_set(-0x1.cc1726p-9f));
    f = v_fma(f, s, v_set(-0x1.ed17dap-8f));
    f = v_fma(f, s, v_set(0x1.eed34cp-5f));
    f = v_fma(f, s, v_set(-0x1.7e001ep-3f));
    f = v_fma(f, s, v_set(0x1.8c6d9ep-2f));
    f = v_fma(f, s, v_set(-0x1.373e38p-1f));
    f = v_fma(f, s, v_set(0x1.82b4bcp-1f));
    const vec square = v_mul(t, t), lost = v_fma(t, t, v_negative(square));
    const vec e = exponential(v_mul(square, v_set(-0.5f)));
    return v_mul(v_mul(f, r), v_fma(v_mul(e, lost), v_set(-0.5f), e));
}

INLINE vec gelu(vec x)
{
    const vec tail = normal_tail(v_min(v_set(20.0f), v_max(v_negative(x), x)));
    return v_mul(x, v_choose(x, tail, v_sub(v_set(1.0f), tail)));
}

INLINE vec relu(vec x)
{
    return v_max(v_zero(), x);
}

/* Of t = |x|: t + t^3 P(t^2) up to 0.625, P of degree 4 (minimax, relative error 4e-9); 1 - 2 / (1 + exp(2 t)) beyond. */
INLINE vec hyperbolic_tangent(vec x)
{
    const vec t = v_max(v_negative(x), x), z = v_mul(t, t);
    vec p = v_set(-0x1.75e1c6p-8f);
    p = v_fma(p, z, v_set(0x1.52269ap-6f));
    p = v_fma(p, z, v_set(-0x1.b83c5ap-5f));
    p = v_fma(p, z, v_set(0x1.110726p-3f));
    p = v_fma(p, z, v_set(-0x1.555532p-2f));
    const vec small = v_fma(v_mul(t, z), p, t);
    const vec large = v_sub(v_set(1.0f), v_div(v_set(2.0f), v_add(v_set(1.0f), exponential(v_add(t, t)))));
    const vec y = v_choose(v_sub(t, v_set(0.625f)), small, large);
    return v_choose(x, v_negative(y), y);
}

#define ACTIVATE(f)                                                                                              \
    static void activate_##f(const float *x, const float *up, float *y, size_t n)                                \
    {                                                                                                            \
        size_t i = 0;                                                                                            \
        for (; i + LANES <= n; i += LANES)                                                                       \
            v_store(y + i, up ? v_mul(f(v_load(x + i)), v_load(up + i)) : f(v_load(x + i)));                     \
        if (i < n) {                                                                                             \
            const vec last = f(v_load_part(x + i, n - i));                                                       \
            v_store_part(y + i, up ? v_mul(last, v_load_part(up + i, n - i)) : last, n - i);                     \
        }                                                                                                        \
    }
ACTIVATE(silu)
ACTIVATE(gelu)
ACTIVATE(gelu_tanh)
ACTIVATE(quick_gelu)
ACTIVATE(relu)
ACTIVATE(hyperbolic_tangent)

static void softcap(float *x, float cap, size_t n)
{
    const vec c = v_set(cap);
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        v_store(x + i, v_mul(c, hyperbolic_tangent(v_div(v_load(x + i), c))));
    if (i < n)
        v_store_part(x + i, v_mul(c, hyperbolic_tangent(v_div(v_load_part(x + i, n - i), c))), n - i);
}

static inline void add_activations(evk_kernels *k)
{
    k->activate[EVK_SILU] = activate_silu;
    k->activate[EVK_GELU] = activate_gelu;
    k->activate[EVK_GELU_TANH] = activate_gelu_tanh;
    k->activate[EVK_QUICK_GELU] = activate_quick_gelu;
    k->activate[EVK_RELU] = activate_relu;
    k->activate[EVK_TANH] = activate_hyperbolic_tangent;
    k->softcap = softcap;
}
