/*
 * Named steps, at which a build for tests ends a process on purpose: what the
 * next one finds must be counted on exactly.  In the build that is shipped
 * they are nothing.
 */

#ifndef FLOW_STEP_H
#define FLOW_STEP_H


/* The test's own; may end the process. */

void flow_step(const char *name);


#if (FLOW_STEPS)

#define FLOW_STEP(name)  flow_step(name)

#else

#define FLOW_STEP(name)

#endif


#endif /* FLOW_STEP_H */
