#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0
# coverage.pl PERCENT EXPLANATIONS JSON... - a table of what gcov counted in module/*.c, and the lines not reached by
# function. Fails below PERCENT, and if EXPLANATIONS does not name a function (``name()``) that has such lines. Must
# never look at lines of the kernel's own headers.
use strict;
use warnings;
use FindBin;
use JSON::PP;

my ($percent, $explanations, @files) = @ARGV;
my (%seen, %left, %branches);

sub slurp {
	my ($name) = @_;

	open(my $in, '<', $name) or die "$name: $!\n";
	local $/;
	return scalar <$in>;
}

# gcov has no name for lines of functions that were inlined everywhere.
sub function_at {
	my ($name, $number) = @_;
	my @text = split /\n/, slurp("$FindBin::Bin/../../$name");

	for my $line (reverse @text[0 .. $number - 1]) {
		return $1 if $line =~ /^[a-z].*?(\w+)\(/;
	}
	return '?';
}

# A line can belong to several functions (inlines) and objects: it was reached if one of them reached it.
for my $json (@files) {
	for my $file (@{decode_json(slurp($json))->{files}}) {
		my ($name) = $file->{file} =~ m{(module/\w+\.[ch])$} or next;

		for my $line (@{$file->{lines}}) {
			my $number = $line->{line_number};
			$seen{$name}{$number} += $line->{count};
			$left{$name}{$number} = $line->{function_name} // function_at($name, $number);
			next if $name !~ /\.c$/;
			for my $branch (grep { !$_->{throw} } @{$line->{branches}}) {
				$branches{$name}[0]++;
				$branches{$name}[1]++ if $branch->{count};
			}
		}
	}
}

my ($lines, $reached, %missing) = (0, 0);
printf "%-22s %6s %8s %7s %9s\n", 'file', 'lines', 'reached', '%', 'branches';
for my $name (sort keys %seen) {
	my $all = keys %{$seen{$name}};
	my @not = sort { $a <=> $b } grep { !$seen{$name}{$_} } keys %{$seen{$name}};
	my $b = $branches{$name} // [0, 0];

	push @{$missing{$name}{$left{$name}{$_}}}, $_ for @not;
	printf "%-22s %6d %8d %6.1f%% %8s\n", $name, $all, $all - @not, 100 * ($all - @not) / $all,
		$b->[0] ? sprintf('%.1f%%', 100 * ($b->[1] // 0) / $b->[0]) : '-';
	next if $name !~ /\.c$/;
	$lines += $all;
	$reached += $all - @not;
}
die "nothing was counted\n" if !$lines;
printf "%-22s %6d %8d %6.1f%%\n", 'module/*.c', $lines, $reached, 100 * $reached / $lines;

my $explained = -e $explanations ? slurp($explanations) : '';
my $bad = 0;
for my $name (sort keys %missing) {
	for my $function (sort keys %{$missing{$name}}) {
		my $known = $explained =~ /``\Q$function\E\(\)``/;

		printf "%s%s: %s() lines %s\n", $known ? '' : 'not explained: ', $name, $function,
			join(' ', @{$missing{$name}{$function}});
		$bad = 1 if !$known;
	}
}
if (100 * $reached < $percent * $lines) {
	print "less than $percent percent of the lines were reached\n";
	$bad = 1;
}
exit $bad;
