/*
 * The version of the module, and of what is built with it.
 */

#ifndef FLOW_VERSION_H
#define FLOW_VERSION_H

#define FLOW_VERSION  "0.1.0"

#endif /* FLOW_VERSION_H */
