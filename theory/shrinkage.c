#include "theory/shrinkage.h"

#include <math.h>

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

double evk_ledoit_wolf(const evk_scatter *sc)
{
    const double n = (double)sc->n, d = (double)sc->d, norm2 = squared_norm(sc);
    double fourth = 0;
    for (size_t i = 0; i < sc->n; i++) {
        const double length2 = evk_dot(sc->x + i * sc->d, sc->x + i * sc->d, sc->d);
        fourth += length2 * length2;
    }
    const double d2 = norm2 / d - sc->m * sc->m;
    const double b2 = (fourth - n * norm2) / (d * n * n);
    if (!(b2 > 0) || !(d2 > 0))
        return 0;
    return b2 < d2 ? b2 / d2 : 1;
}

double evk_oas(const evk_scatter *sc)
{
    const double n = (double)sc->n, d = (double)sc->d, norm2 = squared_norm(sc), trace = sc->m * d;
    const double over = norm2 + trace * trace, under = (n + 1) * (norm2 - trace * trace / d);
    return under > over ? over / under : 1;
}

bool evk_shrinkage_valid(double choice)
{
    return (choice >= 0 && choice <= 1) || choice == EVOKE_SHRINK_LEDOIT_WOLF || choice == EVOKE_SHRINK_OAS;
}

double evk_shrinkage(const evk_scatter *sc, double choice)
{
    if (choice == EVOKE_SHRINK_LEDOIT_WOLF)
        return evk_ledoit_wolf(sc);
    return choice == EVOKE_SHRINK_OAS ? evk_oas(sc) : choice;
}
