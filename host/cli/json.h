/* JSON as it is written, in order: objects and arrays open and close, and what is between them lies inside.
 *
 *   spt_json *json;
 *   spt_json_open(path, &json, err);      the document is an object
 *   spt_json_text(json, "name", "x");
 *   spt_json_array(json, "numbers");
 *   spt_json_number(json, NULL, 1.5);     NULL: in an array
 *   spt_json_end(json);
 *   spt_json_close(json, err);
 *
 * All but spt_json_open take a NULL json and then do nothing. */
#ifndef SPT_HOST_CLI_JSON_H
#define SPT_HOST_CLI_JSON_H

#include "spectrain/error.h"

typedef struct spt_json spt_json;

/** path: NULL gives a NULL json. A file of that name is replaced. Errors: SPT_EIO, SPT_ENOMEM. */
spt_status spt_json_open(const char *path, spt_json **out, spt_error *err);
/** End what is open and close the file. Errors: SPT_EIO it could not be written as a whole; it is taken away then. */
spt_status spt_json_close(spt_json *json, spt_error *err);
/** Close and take the file away: what should have come did not. */
void spt_json_abandon(spt_json *json);

void spt_json_object(spt_json *json, const char *key);
void spt_json_array(spt_json *json, const char *key);
void spt_json_end(spt_json *json);

/** As short as reads back to the same number; null for what is not finite. */
void spt_json_number(spt_json *json, const char *key, double number);
/** Text in UTF-8; control characters are escaped. */
void spt_json_text(spt_json *json, const char *key, const char *text);

#endif
