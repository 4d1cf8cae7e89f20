"""Small matrices as lists of rows."""


def identity(size):
    """Return the matrix that changes nothing."""
    return [[1 if row == column else 0 for column in range(size)] for row in range(size)]


def transpose(matrix):
    """Return the matrix with rows and columns swapped."""
    return [list(column) for column in zip(*matrix)]


def multiply(left, right):
    """Return the product of two matrices."""
    columns = transpose(right)
    return [[sum(a * b for a, b in zip(row, column)) for column in columns] for row in left]


def power(matrix, exponent):
    """Return a square matrix multiplied with itself so many times."""
    result = identity(len(matrix))
    while exponent > 0:
        if exponent % 2 == 1:
            result = multiply(result, matrix)
        matrix = multiply(matrix, matrix)
        exponent //= 2
    return result


def determinant(matrix):
    """Return the determinant of a square matrix; that of an empty one is 1."""
    if not matrix:
        return 1
    total = 0
    for column, value in enumerate(matrix[0]):
        minor = [row[:column] + row[column + 1 :] for row in matrix[1:]]
        total += (-1) ** column * value * determinant(minor)
    return total


def swap(matrix, first, second):
    """Return a matrix with two rows swapped; the given one stays as it is."""
    rows = list(matrix)
    rows[first], rows[second] = rows[second], rows[first]
    return rows


def show(matrix):
    """Return lines of numbers, as wide as the widest."""
    width = max((len(str(value)) for row in matrix for value in row), default=0)
    return [" ".join(str(value).rjust(width) for value in row) for row in matrix]
