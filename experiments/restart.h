/* experiments/restart.h: settings that libraries read before main begins. */
#ifndef RESTART_H
#define RESTART_H

/* Starts this program again, with its arguments and the variable set. Returns only where that cannot be. */
void restart_with(const char *variable, const char *value, char *const *argv);

#endif
