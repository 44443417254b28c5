/*
 * dateformat.c - points in time as text, by the patterns of Java's SimpleDateFormat
 *
 * Layer: agent/core (pure).  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/core/dateformat.h"

#include "lib/base/str.h"

#include <stdlib.h>
#include <string.h>

#define DAY 86400

static bool is_leap(int64_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Days are counted from March 1 of year 0, so that a leap day ends its year; 400 years are one cycle. */
void dateformat_utc(int64_t seconds, struct tm *out)
{
	static const int before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
	int64_t days = seconds / DAY, rest = seconds % DAY, cycle, year, of_year;
	int of_cycle, month;

	if (rest < 0) {
		rest += DAY;
		days--;
	}
	out->tm_wday = (int)(((days + 4) % 7 + 7) % 7);
	days += 719468;
	cycle = (days >= 0 ? days : days - 146096) / 146097;
	of_cycle = (int)(days - cycle * 146097);
	year = (of_cycle - of_cycle / 1460 + of_cycle / 36524 - of_cycle / 146096) / 365;
	of_year = of_cycle - (365 * year + year / 4 - year / 100);
	month = (int)((5 * of_year + 2) / 153); /* from March */
	out->tm_mday = (int)(of_year - (153 * month + 2) / 5 + 1);
	month = month < 10 ? month + 2 : month - 10;
	year += cycle * 400 + (month < 2 ? 1 : 0);
	out->tm_year = (int)(year - 1900);
	out->tm_mon = month;
	out->tm_yday = before[month] + out->tm_mday - 1 + (month > 1 && is_leap(year) ? 1 : 0);
	out->tm_hour = (int)(rest / 3600);
	out->tm_min = (int)(rest / 60 % 60);
	out->tm_sec = (int)(rest % 60);
	out->tm_isdst = 0;
	out->tm_gmtoff = 0;
	out->tm_zone = "UTC";
}

static void put_number(struct buf *out, int64_t v, size_t digits)
{
	buf_printf(out, "%0*lld", (int)digits, (long long)v);
}

/* Two letters are two digits, any other number of letters all of them. */
static void put_year(struct buf *out, int64_t year, size_t n)
{
	int64_t of_era = year > 0 ? year : 1 - year;

	put_number(out, n == 2 ? of_era % 100 : of_era, n);
}

static void put_name(struct buf *out, const char *name, size_t n)
{
	buf_append(out, name, n >= 4 ? strlen(name) : 3);
}

/* The last days of December may be in the first week of the next year. */
static int week_of_year(const struct tm *tm, int64_t *year)
{
	int first_wday = ((tm->tm_wday - tm->tm_yday) % 7 + 7) % 7;

	*year = (int64_t)tm->tm_year + 1900;
	if (tm->tm_yday + 6 - tm->tm_wday >= (is_leap(*year) ? 366 : 365)) {
		++*year;
		return 1;
	}
	return (tm->tm_yday + first_wday) / 7 + 1;
}

static int week_of_month(const struct tm *tm)
{
	int first_wday = ((tm->tm_wday - (tm->tm_mday - 1)) % 7 + 7) % 7;

	return (tm->tm_mday - 1 + first_wday) / 7 + 1;
}

/* -0800: `digits` 2 (hours alone) or 4. */
static void put_offset(struct buf *out, const struct tm *tm, int digits, const char *between)
{
	long minutes = labs(tm->tm_gmtoff) / 60;

	buf_printf(out, "%c%02ld", tm->tm_gmtoff < 0 ? '-' : '+', minutes / 60);
	if (digits == 4)
		buf_printf(out, "%s%02ld", between, minutes % 60);
}

static void put_zone(struct buf *out, const struct tm *tm, size_t n)
{
	if (tm->tm_zone == NULL) {
		buf_str(out, "GMT");
		put_offset(out, tm, 4, ":");
	} else if (n >= 4 && str_eq(tm->tm_zone, "UTC")) {
		buf_str(out, "Coordinated Universal Time");
	} else {
		buf_str(out, tm->tm_zone);
	}
}

static int put_iso_zone(struct buf *out, const struct tm *tm, size_t n, struct error *err)
{
	if (n > 3)
		return error_set(err, ERR_INVALID, "date pattern: at most three X");
	if (tm->tm_gmtoff == 0)
		buf_char(out, 'Z');
	else
		put_offset(out, tm, n == 1 ? 2 : 4, n == 3 ? ":" : "");
	return 0;
}

static int put_date(char letter, size_t n, const struct tm *tm, struct buf *out, struct error *err)
{
	static const char *const months[] = { "January", "February", "March", "April", "May", "June", "July",
		"August", "September", "October", "November", "December" };
	static const char *const days[] = { "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday",
		"Saturday" };
	int64_t year = (int64_t)tm->tm_year + 1900, week_year;
	int week = week_of_year(tm, &week_year);

	if (letter == 'G')
		buf_str(out, year > 0 ? "AD" : "BC");
	else if (letter == 'y' || letter == 'Y')
		put_year(out, letter == 'y' ? year : week_year, n);
	else if ((letter == 'M' || letter == 'L') && n >= 3)
		put_name(out, months[tm->tm_mon], n);
	else if (letter == 'M' || letter == 'L')
		put_number(out, tm->tm_mon + 1, n);
	else if (letter == 'w')
		put_number(out, week, n);
	else if (letter == 'W')
		put_number(out, week_of_month(tm), n);
	else if (letter == 'D')
		put_number(out, tm->tm_yday + 1, n);
	else if (letter == 'd')
		put_number(out, tm->tm_mday, n);
	else if (letter == 'F')
		put_number(out, (tm->tm_mday - 1) / 7 + 1, n);
	else if (letter == 'E')
		put_name(out, days[tm->tm_wday], n);
	else if (letter == 'u')
		put_number(out, tm->tm_wday == 0 ? 7 : tm->tm_wday, n);
	else
		return error_set(err, ERR_INVALID, "date pattern: the letter '%c' means nothing (put text in '...')", letter);
	return 0;
}

static int put_field(char letter, size_t n, const struct tm *tm, unsigned millis, struct buf *out, struct error *err)
{
	if (letter == 'a')
		buf_str(out, tm->tm_hour < 12 ? "AM" : "PM");
	else if (letter == 'H')
		put_number(out, tm->tm_hour, n);
	else if (letter == 'k')
		put_number(out, tm->tm_hour == 0 ? 24 : tm->tm_hour, n);
	else if (letter == 'K')
		put_number(out, tm->tm_hour % 12, n);
	else if (letter == 'h')
		put_number(out, tm->tm_hour % 12 == 0 ? 12 : tm->tm_hour % 12, n);
	else if (letter == 'm')
		put_number(out, tm->tm_min, n);
	else if (letter == 's')
		put_number(out, tm->tm_sec, n);
	else if (letter == 'S')
		put_number(out, millis, n);
	else if (letter == 'z')
		put_zone(out, tm, n);
	else if (letter == 'Z')
		put_offset(out, tm, 4, "");
	else if (letter == 'X')
		return put_iso_zone(out, tm, n, err);
	else
		return put_date(letter, n, tm, out, err);
	return 0;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Behind a quote; returns what follows the closing one, NULL: there is none. */
static const char *put_quoted(const char *p, struct buf *out)
{
	if (*p == '\'') {
		buf_char(out, '\'');
		return p + 1;
	}
	for (; *p != '\0'; p++) {
		if (*p == '\'' && p[1] != '\'')
			return p + 1;
		if (*p == '\'')
			p++;
		buf_char(out, *p);
	}
	return NULL;
}

int dateformat_print(const char *pattern, const struct tm *tm, unsigned millis, struct buf *out, struct error *err)
{
	size_t start = out->len, n = strnlen(pattern, DATEFORMAT_MAX + 1);
	int rc = n <= DATEFORMAT_MAX ? 0 : error_set(err, ERR_INVALID, "date pattern: longer than %d bytes", DATEFORMAT_MAX);

	for (const char *p = pattern; rc == 0 && *p != '\0'; p += n) {
		n = 1;
		if (*p == '\'') {
			const char *next = put_quoted(p + 1, out);

			if (next == NULL)
				rc = error_set(err, ERR_INVALID, "date pattern: a quote is not closed");
			else
				n = (size_t)(next - p);
		} else if (is_letter(*p)) {
			while (p[n] == *p)
				n++;
			rc = put_field(*p, n, tm, millis, out, err);
		} else {
			buf_char(out, *p);
		}
	}
	if (rc != 0)
		buf_truncate(out, start);
	return rc;
}

int dateformat_check(const char *pattern, struct error *err)
{
	AUTO(buf_release) struct buf out = BUF_INIT;
	struct tm tm;

	dateformat_utc(0, &tm);
	return dateformat_print(pattern, &tm, 0, &out, err);
}
