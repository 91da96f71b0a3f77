/* experiments/inspect.h: what a file of each kind holds: a table for people, an object for programs. */
#ifndef INSPECT_H
#define INSPECT_H

#include "experiments/json_out.h"
#include "experiments/options.h"

evoke_status inspect_weights(const options *o, const char *path, evoke_error *err);
evoke_status inspect_dataset(const options *o, const char *path, evoke_error *err);
evoke_status inspect_settings(const options *o, const char *path, evoke_error *err);
evoke_status inspect_store(const options *o, const char *path, evoke_error *err);
evoke_status inspect_vectors(const options *o, const char *path, evoke_error *err);

#endif
