using System.Net;

namespace EmailRouter.Lab.OData;

/// <summary>A request that the service refuses, with the status and the code that Dataverse gives.</summary>
/// <param name="status">The HTTP status.</param>
/// <param name="code">The error code, hexadecimal.</param>
/// <param name="message">What is wrong.</param>
internal sealed class ODataException(HttpStatusCode status, string code, string message) : Exception(message)
{
    public HttpStatusCode Status { get; } = status;

    public string Code { get; } = code;

    public TimeSpan? RetryAfter { get; init; }

    /// <summary>The request breaks the protocol's grammar, or names what is not there.</summary>
    public static ODataException Syntax(string message) => new(HttpStatusCode.BadRequest, "0x80060888", message);

    /// <summary>The body does not fit the table.</summary>
    public static ODataException Payload(string entitySet, string message) => new(HttpStatusCode.BadRequest, "0x80048d19",
        $"Error identified in Payload provided by the user for Entity :'{entitySet}', For more information on this error please follow this help link " +
        $"https://go.microsoft.com/fwlink/?linkid=2195293  ---->  InnerException : Microsoft.OData.ODataException: {message}");

    /// <summary>There is no such resource.</summary>
    public static ODataException NoSegment(string segment) =>
        new(HttpStatusCode.NotFound, "0x8006088a", $"Resource not found for the segment '{segment}'.");

    /// <summary>There is no such row.</summary>
    public static ODataException NoRow(string logicalName, Guid id) => new(HttpStatusCode.NotFound, "0x80040217", $"Entity '{logicalName}' With Id = {id} Does Not Exist");

    /// <summary>The method is not for this resource.</summary>
    public static ODataException Method(string method) =>
        new(HttpStatusCode.MethodNotAllowed, "0x80060888", $"The HTTP method '{method}' is not supported for this resource.");

    /// <summary>The row is not the one the caller read.</summary>
    public static ODataException Version() =>
        new(HttpStatusCode.PreconditionFailed, "0x80060882", "The version of the existing record doesn't match the RowVersion property provided.");
}
