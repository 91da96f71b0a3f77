#include "theory/shrinkage.h"
#include "theory/linear.h"

/* ||S||_F^2 from the lower triangle of the Gram matrix. */
static double squared_norm(const evk_scatter *sc)
{
    double diagonal = 0, below = 0;
    for (size_t i = 0; i < sc->k; i++) {
        const double *row = sc->gram + i * sc->k;
        below += evk_dot(row, row, i);
        diagonal += row[i] * row[i];
    }
    return (diagonal + 2 * below) / (double)sc->n / (double)sc->n;
}

static evk_spread spread_of(const evk_scatter *sc)
{
    evk_spread spread = { .n = (double)sc->n, .d = (double)sc->d, .trace = sc->m * (double)sc->d, .norm2 = squared_norm(sc) };
    for (size_t i = 0; i < sc->n; i++) {
        const double length2 = evk_dot(sc->x + i * sc->d, sc->x + i * sc->d, sc->d);
        spread.fourth += length2 * length2;
    }
    return spread;
}

static double ledoit_wolf(const evk_spread *s)
{
    const double m = s->trace / s->d, d2 = s->norm2 / s->d - m * m;
    const double b2 = (s->fourth - s->n * s->norm2) / (s->d * s->n * s->n);
    if (!(b2 > 0) || !(d2 > 0))
        return 0;
    return b2 < d2 ? b2 / d2 : 1;
}

static double oas(const evk_spread *s)
{
    const double over = s->norm2 + s->trace * s->trace, under = (s->n + 1) * (s->norm2 - s->trace * s->trace / s->d);
    return under > over ? over / under : 1;
}

double evk_shrinkage_of(const evk_spread *spread, double choice)
{
    if (choice == EVOKE_SHRINK_LEDOIT_WOLF)
        return ledoit_wolf(spread);
    return choice == EVOKE_SHRINK_OAS ? oas(spread) : choice;
}

double evk_ledoit_wolf(const evk_scatter *sc)
{
    const evk_spread spread = spread_of(sc);
    return ledoit_wolf(&spread);
}

double evk_oas(const evk_scatter *sc)
{
    const evk_spread spread = spread_of(sc);
    return oas(&spread);
}

bool evk_shrinkage_valid(double choice)
{
    return (choice >= 0 && choice <= 1) || choice == EVOKE_SHRINK_LEDOIT_WOLF || choice == EVOKE_SHRINK_OAS
           || choice == EVOKE_SHRINK_CV;
}

double evk_shrinkage(const evk_scatter *sc, double choice)
{
    const evk_spread spread = spread_of(sc);
    return evk_shrinkage_of(&spread, choice);
}
