/* core/status.h: one way to fail. The text is made once, where the facts are; callers forward the code. */
#ifndef EVK_STATUS_H
#define EVK_STATUS_H

#include "core/evoke.h"

#if defined(__GNUC__)
#define EVK_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define EVK_PRINTF(fmt, args)
#endif

/* Fills err (may be NULL) with status and a formatted line, cut to its size; returns status. */
evoke_status evk_fail(evoke_error *err, evoke_status status, const char *format, ...) EVK_PRINTF(3, 4);

/* Returns from the calling function where `call` fails. Only where nothing is held. */
#define EVK_TRY(call) do { const evoke_status evk_st_ = (call); if (evk_st_ != EVOKE_OK) return evk_st_; } while (0)

/* Tells how far `what` is. EVOKE_EINTERRUPTED, with a line that says so, where the user asks to stop and there is more to do.
 * progress may be NULL. */
evoke_status evk_report(const evoke_progress *progress, const char *what, uint64_t done, uint64_t total, evoke_error *err);

/* Memory from the heap with a reason on failure: *out = calloc(n, size), with the product checked. */
evoke_status evk_alloc(void *out, size_t n, size_t size, const char *what, evoke_error *err);

/* a * b, a + b: false where it overflows. */
bool evk_mul(size_t a, size_t b, size_t *out);
bool evk_sum(size_t a, size_t b, size_t *out);

#endif
